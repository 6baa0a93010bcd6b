"""Repeats: several completions of one case make one item, which passes by a declared rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_llmupgrade.model import PassRule

WORDS = ("all", "any", "majority")
EXAMPLES = "all, any, majority, or a share of the completions such as 0.8"


def pass_rule(value: object) -> PassRule | None:
    """Return the rule that a word or a share above 0 and up to 1 names, None where it names none."""
    if value == "all" or value == "any" or value == "majority":  # noqa: PLR1714  narrows to the literals
        return value
    try:
        share = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
    except ValueError:
        return None
    return share if 0 < share <= 1 else None


def passes(passed: Sequence[bool], rule: PassRule) -> bool:
    """Return whether an item passes whose completions were judged so."""
    return sum(passed) >= needed(len(passed), rule)


def needed(times: int, rule: PassRule) -> int:
    """Return how many of so many completions must pass."""
    if rule == "any":
        return 1
    if rule == "majority":
        return times // 2 + 1
    share = 1.0 if rule == "all" else rule
    return max(1, math.ceil(share * times - 1e-9))  # 0.7 * 10 is a little above 7


def deciding(passed: Sequence[bool], rule: PassRule) -> int:
    """Return the index of the completion to show: the first that went as the item did."""
    return list(passed).index(passes(passed, rule))


def said(passed: int, times: int, rule: PassRule) -> str:
    """Return how the completions went, in words."""
    return f"{passed} of {times} completions passed, {needed(times, rule)} must"

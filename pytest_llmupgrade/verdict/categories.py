"""Categories: none may regress, and one with a margin of its own must keep it by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.stats import holm, mcnemar_midp, tango_z
from pytest_llmupgrade.stats.distributions import upper_tail
from pytest_llmupgrade.verdict.decision import CategoryFinding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.stats import Interval
    from pytest_llmupgrade.verdict.decision import VerdictWord
    from pytest_llmupgrade.verdict.evidence import Evidence


def findings(evidence: Evidence, margins: Mapping[str, float], alpha: float) -> tuple[CategoryFinding, ...]:
    """Return what each category says; none where there is only one, for it says what the whole says.

    The one-sided tests for a drop are adjusted by Holm. A margin of its own needs no adjustment: all must be kept.
    """
    names = evidence.categories
    if len(names) < 2 and not set(names) & margins.keys():  # noqa: PLR2004  several
        return ()
    parts = {name: evidence.of(name) for name in names}
    adjusted = holm([drop_p(part) for part in parts.values()])
    return tuple(
        _finding(name, part, margins.get(name), p, alpha)
        for (name, part), p in zip(parts.items(), adjusted, strict=True)
    )


def drop_p(evidence: Evidence) -> float:
    """Return the one-sided p of 'no worse': McNemar's mid-p, or Tango's score at zero for effective cases."""
    pairs = evidence.pairs
    if evidence.weighted or evidence.repeated:
        return upper_tail(-tango_z(pairs, 0.0))
    if pairs.broke <= pairs.fixed:
        return 1.0
    return mcnemar_midp(int(pairs.broke), int(pairs.fixed)) / 2


def _finding(name: str, evidence: Evidence, margin: float | None, p: float, alpha: float) -> CategoryFinding:
    interval = evidence.interval(1 - 2 * alpha)
    return CategoryFinding(
        name=name,
        paired=len(evidence.changes),
        interval=interval,
        margin=margin,
        p=p,
        finding=_word(interval, margin, p, alpha),
    )


def _word(interval: Interval, margin: float | None, p: float, alpha: float) -> VerdictWord:
    """Return the finding; a drop within the category's own margin is what its owner accepted."""
    if margin is not None and interval.low > -margin:
        return "safe"
    if p < alpha:
        return "regression"
    return "safe" if margin is None else "inconclusive"

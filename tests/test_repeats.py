"""Several completions of a case, one outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.run.repeats import deciding, needed, pass_rule, passes

if TYPE_CHECKING:
    from pytest_llmupgrade.model import PassRule

RULES = st.one_of(st.sampled_from(["all", "any", "majority"]), st.floats(0.001, 1.0))


@pytest.mark.parametrize(
    ("times", "rule", "must"),
    [
        (5, "all", 5),
        (5, "any", 1),
        (5, "majority", 3),
        (4, "majority", 3),
        (1, "majority", 1),
        (10, 0.7, 7),
        (3, 0.5, 2),
        (5, 0.01, 1),
        (5, 1.0, 5),
    ],
)
def test_how_many_must_pass(times: int, rule: PassRule, must: int) -> None:
    """A majority is more than half; a share is rounded up, and never asks for none."""
    assert needed(times, rule) == must


@given(st.lists(st.booleans(), min_size=1, max_size=20), RULES)
def test_what_is_shown_went_as_the_item_did(passed: list[bool], rule: PassRule) -> None:
    """There always is a completion to show that passed where the item passes, and missed where it misses."""
    assert passed[deciding(passed, rule)] == passes(passed, rule)


@given(RULES)
def test_one_completion_decides_alone(rule: PassRule) -> None:
    """With a single completion every rule says what its judges say."""
    assert passes([True], rule)
    assert not passes([False], rule)


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_rules_are_ordered(passed: list[bool]) -> None:
    """What passes by `all` passes by `majority`, and what passes by that passes by `any`."""
    assert passes(passed, "all") <= passes(passed, "majority") <= passes(passed, "any")


@pytest.mark.parametrize("value", ["most", 0, 1.5, -1, True, None, [], "nan", "0", {}])
def test_what_is_no_rule(value: object) -> None:
    """Anything but the three words and a share above 0 and up to 1 is no rule."""
    assert pass_rule(value) is None


@pytest.mark.parametrize("value", ["0.8", 0.8, 1, "all", "any", "majority"])
def test_what_is_a_rule(value: object) -> None:
    """Words and shares are rules, from YAML and from the command line."""
    assert pass_rule(value) is not None

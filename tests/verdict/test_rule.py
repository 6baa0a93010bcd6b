from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.stats import Pairs, tango
from pytest_llmupgrade.verdict import Change, Evidence, Lost, Rule, decide
from pytest_llmupgrade.verdict.words import reasons

if TYPE_CHECKING:
    from collections.abc import Sequence


def changes(broke: int, fixed: int, alike: int, category: str = "general") -> tuple[Change, ...]:
    """Return so many cases of each kind."""
    kinds = ((-1.0, broke), (1.0, fixed), (0.0, alike))
    return tuple(
        Change(difference=difference, category=category) for difference, count in kinds for _ in range(count)
    )


def evidence(broke: int, fixed: int, alike: int, *, unpaired: int = 0) -> Evidence:
    """Return the evidence of one category."""
    return Evidence(changes=changes(broke, fixed, alike), unpaired=unpaired)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 300), st.floats(0.01, 0.2))
def test_the_rule(broke: int, fixed: int, alike: int, margin: float) -> None:
    """Lower bound above minus the margin is safe; else upper bound below zero is a regression; else neither."""
    interval = tango(Pairs(broke=broke, fixed=fixed, n=broke + fixed + alike))
    decision = decide(evidence(broke, fixed, alike), Rule(margin=margin))
    assert decision.interval == interval
    if interval.low > -margin:
        assert decision.verdict == "safe"
    elif interval.high < 0:
        assert decision.verdict == "regression"
    else:
        assert decision.verdict == "inconclusive"


@pytest.mark.parametrize(("margin", "fewest"), [(0.05, 52), (0.02, 133)])
def test_a_margin_that_the_cases_cannot_prove(margin: float, fewest: int) -> None:
    """With no discordant case at all, 5 pp needs 52 cases and 2 pp 133; with one fewer nothing is safe."""
    rule = Rule(margin=margin)
    assert rule.fewest_cases == fewest
    short, enough = decide(evidence(0, 0, fewest - 1), rule), decide(evidence(0, 0, fewest), rule)
    assert (short.verdict, short.provable, short.more_cases_needed) == ("inconclusive", False, 1)
    assert (enough.verdict, enough.provable, enough.more_cases_needed) == ("safe", True, None)


def test_no_pair_is_inconclusive() -> None:
    """A comparison without a pair proves nothing, however few cases were wanted."""
    decision = decide(Evidence(unpaired=3), Rule())
    assert (decision.verdict, decision.interval, decision.more_cases_needed) == ("inconclusive", None, 52)


def test_worse_but_within_the_margin() -> None:
    """A drop that is certain and smaller than the margin is safe, and said to be measurable."""
    decision = decide(evidence(40, 0, 1960), Rule())
    assert (decision.verdict, decision.measurably_worse) == ("safe", True)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(40, 200), st.integers(0, 200))
def test_unpaired_cases_never_make_it_safer(broke: int, fixed: int, alike: int, unpaired: int) -> None:
    """Errored and skipped pairs above a few percent are never safe, and never turn anything into a regression."""
    whole = decide(evidence(broke, fixed, alike), Rule())
    holed = decide(evidence(broke, fixed, alike, unpaired=unpaired), Rule())
    few = unpaired <= 0.03 * (broke + fixed + alike + unpaired)
    assert holed.too_many_unpaired is not few
    if few:
        assert holed.verdict == whole.verdict
    else:
        assert holed.verdict in ("inconclusive", whole.verdict)
        assert holed.verdict != "safe"


def test_a_regression_stands_where_the_missing_could_not_undo_it() -> None:
    """Ten errored cases do not hide that forty of a hundred broke; fifty might."""
    assert decide(evidence(40, 0, 60, unpaired=10), Rule()).verdict == "regression"
    assert decide(evidence(40, 0, 60, unpaired=50), Rule()).verdict == "inconclusive"


def test_two_planned_looks_are_stricter() -> None:
    """Each of two looks has the 94 % interval, so that both together keep the error of one."""
    counts = (3, 3, 214)
    assert decide(evidence(*counts), Rule()).verdict == "safe"
    second = decide(evidence(*counts), Rule(looks=2, look=2))
    assert second.confidence == pytest.approx(0.94)
    assert (second.look, second.looks) == (2, 2)
    assert second.interval is not None
    assert second.interval.low < decide(evidence(*counts), Rule()).interval.low  # type: ignore[union-attr]


def test_a_category_that_regresses() -> None:
    """The whole within the margin is no verdict of safety while one category clearly drops."""
    both = Evidence(changes=(*changes(12, 0, 30, "billing"), *changes(2, 10, 900, "orders")))
    decision = decide(both, Rule())
    assert decision.interval is not None
    assert decision.interval.low > -0.05
    assert decision.verdict == "regression"
    assert {one.name: one.finding for one in decision.categories} == {
        "billing": "regression",
        "orders": "safe",
    }


def test_many_categories_are_adjusted_for() -> None:
    """The same drop that counts in one of two categories is chance among forty (Holm)."""
    worse = changes(5, 0, 100, "a")
    few = Evidence(changes=(*worse, *changes(0, 4, 400, "b")))
    many = Evidence(changes=(*worse, *(one for i in range(40) for one in changes(0, 1, 100, f"b{i}"))))
    assert decide(few, Rule()).verdict == "regression"
    assert decide(many, Rule()).verdict == "safe"


def test_a_category_with_a_margin_of_its_own() -> None:
    """Such a category must be safe by itself, and what it lacks is what the run lacks."""
    both = Evidence(changes=(*changes(0, 0, 60, "billing"), *changes(0, 0, 500, "orders")))
    decision = decide(both, Rule(category_margins={"billing": 0.02}))
    assert decision.verdict == "inconclusive"
    assert decision.more_cases_needed == 133 - 60
    assert decide(both, Rule(category_margins={"billing": 0.05})).verdict == "safe"


@pytest.mark.parametrize("left", [0, 60])
def test_a_category_of_its_own_margin_that_errored(left: int) -> None:
    """Such a category, all or many of whose cases have no verdict, is not safe by itself, and the reason is said."""
    both = Evidence(
        changes=(*changes(0, 0, left, "billing"), *changes(0, 0, 500, "orders")),
        unpaired=3,
        lost=(Lost(category="billing"),) * 3,
    )
    decision = decide(both, Rule(category_margins={"billing": 0.05}))
    assert (decision.verdict, decision.too_many_unpaired) == ("inconclusive", False)
    wanted = (
        f"is not safe within its own margin of 5 pp: 3 of {left + 3} cases without a verdict on both models"
    )
    assert any(wanted in reason for reason in reasons(decision))
    assert decide(both, Rule()).verdict == "safe"  # only who has a margin of its own is held to it
    whole = Evidence(changes=both.changes)
    assert decide(whole, Rule(category_margins={"billing": 0.05})).verdict == "safe"


def test_unpaired_traffic_counts() -> None:
    """One errored case that stands for most requests is too much, and so it is too few by number; whichever is more."""
    light = tuple(Change(difference=0.0) for _ in range(100))
    heavy = decide(Evidence(changes=light, unpaired=1, lost=(Lost(weight=100_000.0),)), Rule())
    assert (heavy.verdict, heavy.too_many_unpaired) == ("inconclusive", True)
    assert "1 of 101 cases, 99.9 % of the traffic without a verdict on both models" in reasons(heavy)
    rare = Evidence(changes=light, unpaired=10, lost=(Lost(weight=0.01),) * 10)
    assert decide(rare, Rule()).too_many_unpaired
    assert decide(Evidence(changes=light, unpaired=2, lost=(Lost(weight=1.5),)), Rule()).verdict == "safe"


def test_a_regression_that_the_missing_traffic_could_undo() -> None:
    """A case without a verdict undoes at best as much as it weighs."""
    broke = changes(20, 0, 80)
    heavy = Evidence(changes=broke, unpaired=1, lost=(Lost(weight=1000.0),))
    assert decide(heavy, Rule()).verdict == "inconclusive"
    rare = Evidence(changes=broke, unpaired=10, lost=(Lost(weight=0.01),) * 10)
    assert decide(rare, Rule()).verdict == "regression"


def test_a_drop_that_the_category_allows() -> None:
    """A measurable drop within the category's own margin does not count against it."""
    both = Evidence(changes=(*changes(40, 0, 1960, "billing"), *changes(0, 40, 1960, "orders")))
    assert decide(both, Rule()).verdict == "regression"
    assert decide(both, Rule(category_margins={"billing": 0.05})).verdict == "safe"


def test_traffic_weights() -> None:
    """A break in the case that stands for most requests weighs as much; many rare fixes do not outweigh it."""
    heavy = (Change(difference=-1.0, weight=500.0),)
    light = tuple(Change(difference=1.0 if i < 5 else 0.0, weight=1.0) for i in range(500))
    decision = decide(Evidence(changes=heavy + light), Rule())
    assert decision.equal_weights is not None
    assert decision.equal_weights < 4  # Kish: 1000**2 / (500**2 + 500)
    assert decision.interval is not None
    assert decision.interval.estimate == pytest.approx((-500 + 5) / 1000)
    assert decision.verdict != "safe"


@given(st.lists(st.sampled_from([-0.5, 0.0, 0.5]), min_size=1, max_size=51))
def test_repeats_of_few_cases_are_never_safe(differences: Sequence[float]) -> None:
    """However often few cases are asked, they prove no more than as many cases that all agree."""
    asked = tuple(Change(difference=difference, repeated=True) for difference in differences)
    decision = decide(Evidence(changes=asked), Rule())
    assert decision.repeated
    if sum(differences) <= 0:
        assert decision.verdict != "safe"
    assert decide(Evidence(changes=(Change(difference=0, repeated=True),) * 51), Rule()).verdict != "safe"


@given(st.integers(0, 12), st.integers(0, 12), st.integers(60, 300))
def test_more_cases_are_told_only_where_they_help(broke: int, fixed: int, alike: int) -> None:
    """Only an inconclusive verdict asks for more cases."""
    decision = decide(evidence(broke, fixed, alike), Rule())
    assert (decision.more_cases_needed is None) or decision.verdict == "inconclusive"
    if decision.verdict == "inconclusive":
        assert decision.more_cases_needed is not None
        assert decision.more_cases_needed > 0

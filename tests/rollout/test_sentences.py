"""What a pull request is told of the gate's checks, in golden sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.rollout.change import Change
from pytest_llmupgrade.rollout.gate import evaluate
from pytest_llmupgrade.rollout.ruling import Ruling, gate_ruling, placed
from pytest_llmupgrade.rollout.sentences import time_in
from tests import golden
from tests.rollout.counting import DAY_MS, METRICS, NOW_MS, arm_counts, equal, step_counts
from tests.rollout.making import rollout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.rollout.rollups import Counts, Key

CHECKS = ("records", "duration", "traffic", *METRICS, "cost_usd")
RAISED = ("percent: 5\n", "percent: 25\n")


def raised(*changes: tuple[str, str]) -> Change:
    """Return the raise from 5 to 25 of the file, changed alike before and after."""
    return Change(after=rollout(RAISED, *changes), before=rollout(*changes), compared=True)


def present(*changes: tuple[str, str]) -> Change:
    """Return the step in force, without a base."""
    return Change(after=rollout(*changes), before=None, compared=False)


def rulings(change: Change, counts: dict[Key, Counts], *, now_ms: int = NOW_MS) -> Iterator[Ruling]:
    """Yield what the gate's checks come to, at 5 %."""
    reading = evaluate(change.judged, counts, now_ms=now_ms, percent=5)
    for name in CHECKS:
        yield gate_ruling(change, reading, name, now_ms=now_ms)


def few(units: int, failing: float = 0.01) -> dict[Key, Counts]:
    """Return equal arms that are not many yet."""
    return equal(units, failing)


def worse() -> dict[Key, Counts]:
    """Return a new arm that is somewhat worse, not measurably so yet."""
    return step_counts(
        arm_counts(412, dict.fromkeys(METRICS, 13), cost=0.0028),
        arm_counts(8_120, dict.fromkeys(METRICS, 81), first=10**9),
    )


def harmful() -> dict[Key, Counts]:
    """Return a new arm whose users meet three times the errors, at four times the cost."""
    return step_counts(
        arm_counts(2_000, {"error": 60, "slow": 20, "bad": 20}, cost=0.004),
        arm_counts(38_000, dict.fromkeys(METRICS, 380), first=10**9),
    )


def young() -> dict[Key, Counts]:
    """Return enough requests of half a day."""
    return {key: replace(each, first_ms=NOW_MS - DAY_MS // 2) for key, each in equal().items()}


def stale() -> dict[Key, Counts]:
    """Return enough requests of yesterday."""
    return {key: replace(each, last_ms=NOW_MS - DAY_MS) for key, each in equal().items()}


def lopsided() -> dict[Key, Counts]:
    """Return far more units of the new arm than its share."""
    return step_counts(arm_counts(3_000), arm_counts(37_000, first=10**9))


def unpriced() -> dict[Key, Counts]:
    """Return enough requests whose cost nobody knows."""
    return {key: replace(each, moments={}) for key, each in equal().items()}


STORIES = {
    "nothing recorded": {},
    "few": few(4_000),
    "very few": few(40),
    "nothing fails": few(4_000, 0.0),
    "somewhat worse": worse(),
    "harm": harmful(),
    "young": young(),
    "stale": stale(),
    "lopsided": lopsided(),
    "unpriced": unpriced(),
    "enough": equal(),
}


def test_golden_sentences() -> None:
    """Each failure of a raise is one sentence with the numbers, what is still needed and about when."""
    text = ""
    for story, counts in STORIES.items():
        text += f"# {story}\n"
        change = raised()
        told = [placed(change, each) for each in rulings(change, counts) if each.result == "fail"]
        text += "".join(f"{line}\n" for line in told) or "passes\n"
    golden.check("rollout/sentences.txt", text)


@pytest.mark.parametrize("story", STORIES)
def test_only_harm_fails_where_nothing_is_raised(story: str) -> None:
    """The same records fail a plain local run where the new arm does harm, and nowhere else."""
    change = present()
    results = {name: each.result for name, each in zip(CHECKS, rulings(change, STORIES[story]), strict=True)}
    failing = [name for name, result in results.items() if result == "fail"]
    assert failing == (["error"] if story == "harm" else [])


def test_promote_goes_on_once_the_step_is_over() -> None:
    """`on_inconclusive: promote` lets a metric pass undecided, but neither a short step, nor harm, nor a signal."""
    change = raised(
        ("on_inconclusive: hold", "on_inconclusive: promote"),
        ("percent: 25, max", "percent: 25, min_duration: 1h, max"),
        ("percent: 50, max", "percent: 50, min_duration: 1h, max"),
    )
    assert {each.result for each in rulings(change, few(4_000))} == {"pass"}
    short = {key: replace(each, first_ms=NOW_MS - DAY_MS // 2) for key, each in few(4_000).items()}
    assert [each.result for each in rulings(change, short)] == ["pass", "fail", "pass", *["fail"] * 3, "pass"]
    found = dict(zip(CHECKS, rulings(change, harmful()), strict=True))
    assert (found["error"].result, found["cost_usd"].result) == ("fail", "fail")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "08:00 UTC today"),
        (3600, "09:00 UTC today"),
        (16 * 3600, "00:00 UTC tomorrow"),
        (30 * 3600, "14:00 UTC tomorrow"),
        (3 * 86_400, "2027-01-18"),
        (367 * 86_400, None),
    ],
)
def test_times(seconds: float, said: str | None) -> None:
    """A time is told to ten minutes, a far one by its day, and one in years not at all."""
    assert time_in(seconds * 1000, now_ms=NOW_MS) == said


def test_no_pace_is_no_promise() -> None:
    """Where the records do not tell how fast they come, no time is named."""
    counts = {key: replace(each, first_ms=each.last_ms) for key, each in few(4_000).items()}
    (words,) = {each.words for each in rulings(raised(), counts) if each.words.startswith("error")}
    assert words.endswith("(E 3.3, needs 20): about 5,400 more requests if it is as good as the old one")


@given(
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.integers(0, 10**9),
)
def test_any_counts_have_sentences(f_new: int, f_old: int, new: int, old: int, age_ms: int) -> None:
    """Whatever the counts and the clock, each check passes or has one line of words, and harm always fails."""
    counts = step_counts(
        arm_counts(max(new, f_new), {"error": f_new}),
        arm_counts(max(old, f_old), {"error": f_old}, first=10**9),
    )
    change = raised()
    reading = evaluate(change.judged, counts, now_ms=NOW_MS + age_ms, percent=5)
    for name, ruling in zip(CHECKS, rulings(change, counts, now_ms=NOW_MS + age_ms), strict=True):
        words = placed(change, ruling)
        assert "\n" not in words
        assert "None" not in words
        check = next(each for each in reading.checks if each.name == name)
        assert (ruling.result == "pass") == (check.finding == "pass")

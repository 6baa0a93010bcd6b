"""What the gate makes of counts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.rollout.gate import evaluate
from pytest_llmupgrade.rollout.reading import Found
from pytest_llmupgrade.rollout.rollups import Counts, Key, Moments
from tests.rollout.counting import DAY_MS, METRICS, NOW_MS, arm_counts, equal, step_counts
from tests.rollout.making import rollout

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.findings import Check, Finding, Reading


def read(counts: dict[Key, Counts], *changes: tuple[str, str], percent: float | None = None) -> Reading:
    """Return the reading of the documentation's rollout."""
    return evaluate(rollout(*changes), counts, now_ms=NOW_MS, percent=percent)


def check(reading: Reading, name: str) -> Check:
    """Return a reading's check of that name."""
    return next(each for each in reading.checks if each.name == name)


def test_equal_arms_pass() -> None:
    """With enough requests, two arms that do alike pass every check."""
    reading = read(equal())
    assert [each.finding for each in reading.checks] == ["pass"] * 7
    assert check(reading, "error").words == (
        "more than 3x is excluded: 20 of 2,000 units of the new arm, 380 of 38,000 of the old one [0.47x, 1.78x]"
    )
    assert (
        check(reading, "cost_usd").words
        == "more than 3x is excluded: $0.001 against $0.001 per request, 1.00x"
    )


@given(st.integers(0, 200), st.integers(0, 2000))
def test_bounds_and_verdict_agree(failed_new: int, failed_old: int) -> None:
    """The largest ratio lies above the bounds that are shown where it is called excluded, and only there."""
    counts = step_counts(
        arm_counts(2_000, {"error": failed_new}), arm_counts(38_000, {"error": failed_old}, first=10**9)
    )
    found = check(read(counts), "error")
    assert found.ratio is not None
    assert found.log_e_excluded is not None
    if abs(found.ratio.high - 3) > 1e-6:
        assert (found.ratio.high < 3) == (found.log_e_excluded >= math.log(20))


def test_few_requests_lack() -> None:
    """Too few requests hold, and the check says about how many more decide, and how long they take."""
    reading = read(equal(4_000))
    assert reading.finding == "lacking"
    found = check(reading, "error")
    assert found.finding == "lacking"
    assert found.need is not None
    assert "3x is not excluded yet: 2 of 200 units of the new arm" in found.words
    assert "more requests" in found.words
    assert "at this pace if it is as good as the old one" in found.words
    enough = read(equal(4_000 + 2 * found.need.requests))
    assert check(enough, "error").finding == "pass"


@pytest.mark.parametrize("name", METRICS)
def test_harm_is_found(name: str) -> None:
    """Three times the failures of any guardrail are harm, with ratio, bounds and both arms' units."""
    counts = step_counts(arm_counts(2_000, {name: 60}), arm_counts(38_000, {name: 380}, first=10**9))
    reading = read(counts)
    assert reading.finding == "harm"
    assert [each.name for each in reading.of("harm")] == [name]
    words = check(reading, name).words
    assert words.startswith("3.00x as often [")
    assert words.endswith("]: 60 of 2,000 units of the new arm, 380 of 38,000 of the old one")


def test_harm_that_the_old_arm_never_did_is_told_in_words() -> None:
    """A ratio to nothing is no figure: the failures are said to be the new arm's only."""
    counts = step_counts(arm_counts(2_000, {"error": 60}), arm_counts(38_000, first=10**9))
    words = check(read(counts), "error").words
    assert words.startswith("only with the new arm [")
    assert words.endswith(", open]: 60 of 2,000 units of the new arm, 0 of 38,000 of the old one")


def test_a_signal_holds_and_never_rolls_back() -> None:
    """Harm of a metric with role: signal is wrong, not harm."""
    counts = step_counts(arm_counts(2_000, {"slow": 60}), arm_counts(38_000, {"slow": 380}, first=10**9))
    reading = read(counts, ("threshold_ms: 2400", "threshold_ms: 2400, role: signal"))
    assert (reading.finding, check(reading, "slow").finding) == ("wrong", "wrong")


@pytest.mark.parametrize(("role", "finding"), [("signal", "wrong"), ("guardrail", "harm")])
def test_a_dear_arm(role: str, finding: Finding) -> None:
    """A mean above its limit holds as a signal and rolls back as a guardrail."""
    counts = equal()
    key = next(key for key in counts if key.arm == "new")
    counts[key] = replace(counts[key], moments=arm_counts(2_000, cost=0.004).moments)
    reading = read(counts, ("role: signal", f"role: {role}"))
    found = check(reading, "cost_usd")
    assert found.finding == finding
    assert found.words == "more than 3x: $0.004 against $0.001 per request, 4.00x"


def test_unpriced_requests_are_no_evidence() -> None:
    """A cost that nobody knows holds, and says what to declare."""
    counts = {key: replace(each, moments={}) for key, each in equal().items()}
    found = check(read(counts), "cost_usd")
    assert found.finding == "lacking"
    assert "unpriced: declare the arms' price" in found.words


def test_a_cost_known_of_few_requests_is_no_evidence() -> None:
    """A tenth of the new arm's answers cannot pass for all of them: the others may be the dear ones."""
    counts = equal()
    key = next(key for key in counts if key.arm == "new")
    counts[key] = replace(counts[key], requests=20_000)
    found = check(read(counts), "cost_usd")
    assert (found.finding, found.need) == ("lacking", None)
    assert found.words.startswith(
        "known of 10.0 % of the new arm's requests and 100.0 % of the old one's, 90.0 % of each are needed"
    )


def test_a_cost_is_asked_only_of_answers() -> None:
    """Requests that nobody answered, and those that were cancelled, have no cost that could be known."""
    counts = equal()
    key = next(key for key in counts if key.arm == "new")
    moments = {**counts[key].moments, "latency_ms": Moments(count=10_000, total=1.0, squares=1.0)}
    counts[key] = replace(counts[key], requests=20_000, unanswered=8_000, moments=moments)
    assert check(read(counts), "cost_usd").finding == "pass"


def test_a_dear_arm_is_harm_though_little_is_known() -> None:
    """The way back is the safe one: a mean clearly above its limit rolls back, however many requests lack the figure."""
    counts = equal()
    key = next(key for key in counts if key.arm == "new")
    counts[key] = replace(counts[key], requests=20_000, moments=arm_counts(2_000, cost=0.004).moments)
    assert check(read(counts, ("role: signal", "role: guardrail")), "cost_usd").finding == "harm"


@pytest.mark.parametrize(("new", "finding"), [(1_000, "pass"), (600, "lacking")])
def test_a_time_must_be_known_of_both_arms_alike(new: int, finding: Finding) -> None:
    """Half of the requests may be streams; where callers leave the new arm earlier, the times that are left flatter it."""
    counts = equal()
    for key, each in counts.items():
        count = new if key.arm == "new" else each.requests // 2
        moments = {"first_token_ms": Moments(count=count, total=100.0 * count, squares=1.25e4 * count)}
        counts[key] = replace(each, moments=moments)
    metric = ("cost_usd: {type: mean", "first_token_ms: {type: mean")
    assert check(read(counts, metric), "first_token_ms").finding == finding


@pytest.mark.parametrize(("lost", "finding"), [(400, "pass"), (401, "lacking")])
def test_records_with_holes_lack(lost: int, finding: Finding) -> None:
    """Where more than 1 % of the events were lost or cannot be read, nobody knows what they held."""
    holes = Found(counts=equal(), lost=lost - 100, torn=100)
    reading = evaluate(rollout(), holes.counts, now_ms=NOW_MS, missing=holes.missing)
    assert check(reading, "records").finding == finding
    assert reading.finding == finding


def test_stale_records_hold() -> None:
    """Records older than max_age are no evidence, whatever they say."""
    counts = {key: replace(each, last_ms=NOW_MS - 2 * 3_600_000) for key, each in equal().items()}
    found = check(read(counts), "records")
    assert (found.finding, found.words) == (
        "wrong",
        (
            "stale: the last request of the new arm is 2:00:00 h old, max_age is 1:00:00 h; "
            "a newer one of each arm is needed"
        ),
    )


def test_a_clock_ahead_is_wrong() -> None:
    """Records from the future are no evidence of how long a step lasted; a few seconds are nothing."""
    ahead = {key: replace(each, last_ms=NOW_MS + 600_000) for key, each in equal().items()}
    found = check(read(ahead), "records")
    assert (found.finding, found.words) == (
        "wrong",
        "a request is 10:00 min ahead of this clock: set the clocks, for steps are timed",
    )
    near = {key: replace(each, last_ms=NOW_MS + 2_000) for key, each in equal().items()}
    assert check(read(near), "records").words == "40,000 requests, the last 0 ms ago"


def test_a_short_step_lacks() -> None:
    """A step that has not lasted as long as declared is not passed, however clear its figures."""
    counts = {key: replace(each, first_ms=NOW_MS - DAY_MS // 2) for key, each in equal().items()}
    found = check(read(counts), "duration")
    assert found.finding == "lacking"
    assert found.words.endswith("of 24:00:00 h; 12:01:00 h to go")


def _paced(minutes: dict[int, int]) -> str:
    """Return how long a step lasted whose new arm served so many requests in each minute of the last two days."""
    counts = equal()
    begun = (NOW_MS - 2 * DAY_MS) // 60_000
    for key, each in counts.items():
        served = {begun + minute: count for minute, count in minutes.items()} if key.arm == "new" else {}
        first, last = (60_000 * (begun + end(minutes)) for end in (min, max))
        counts[key] = replace(each, minutes=served, first_ms=first, last_ms=last)
    return check(read(counts), "duration").words


def test_a_slow_clock_is_no_duration() -> None:
    """One event of a host whose clock is a day behind, or two, do not make a minute's traffic last a day."""
    assert _paced({0: 1, 2_879: 400}).startswith("1:0")
    assert _paced({0: 1, 1: 1, 2_879: 400}).startswith("1:0")
    assert _paced({0: 1, 2_879: 1}).startswith("0 ms of 24:00:00 h")


def test_even_traffic_lasts_from_its_first_request_to_its_last() -> None:
    """Where the requests are spread over the step, none of it is cut, however few they are."""
    assert _paced(dict.fromkeys(range(2_880), 1)) == "47:59:00 h at 5 %"
    assert _paced(dict.fromkeys(range(0, 2_880, 60), 1)) == "47:00:00 h at 5 %"


def test_a_mismatch_of_units_is_wrong() -> None:
    """Where the new arm got far more units than its share, no figure is trusted."""
    counts = step_counts(arm_counts(3_000), arm_counts(37_000, first=10**9))
    found = check(read(counts), "traffic")
    assert found.finding == "wrong"
    assert found.words.startswith("3,000 of 40,000 units went to the new arm where 5 % are about 2,000")


def test_ratings_of_one_arm_only_are_wrong() -> None:
    """An arm that nobody rates is not the better one."""
    counts = equal()
    key = next(key for key in counts if key.arm == "new")
    counts[key] = replace(counts[key], rated=frozenset(), failed={})
    found = check(read(counts), "bad")
    assert found.finding == "wrong"
    assert "the arms are not rated alike" in found.words


def test_nothing_recorded_lacks() -> None:
    """No records are no evidence: neither harm nor a go."""
    reading = read({})
    assert reading.finding == "lacking"
    assert check(reading, "records").words == "no requests of the new and the old arm at 5 % are recorded yet"


def test_steps_are_not_pooled() -> None:
    """What happened at 5 % says nothing of 25 %, nor another rollout's records of this one."""
    assert read(equal(), percent=25).finding == "lacking"
    assert read(equal(), ("id: gpt-4o-2026-11", "id: another")).finding == "lacking"


def test_late_ratings_of_an_earlier_step() -> None:
    """Harm that shows in another step's records is harm by itself, and pools nothing with the step in force."""
    late = step_counts(arm_counts(2_000, {"bad": 60}), arm_counts(38_000, {"bad": 380}, first=10**9))
    reading = read({**equal(8_000, 0.05, step=25), **late}, percent=25)
    assert [each.name for each in reading.of("harm")] == ["bad at 5 %"]
    assert check(reading, "bad").new == (100, 2_000)
    assert read({**equal(8_000, 0.05, step=25), **equal()}, percent=25).of("harm") == ()


def test_no_failures_need_a_limit_of_their_own() -> None:
    """Where hardly anything fails, max_share lets the new arm's own units be the evidence."""
    counts = step_counts(arm_counts(2_000), arm_counts(38_000, first=10**9))
    assert "max_share would let" in check(read(counts), "error").words
    found = check(read(counts, ("error: {type: event}", "error: {type: event, max_share: 0.01}")), "error")
    assert (found.finding, found.words) == (
        "pass",
        "more than 1.0 % is excluded: 0 of 2,000 units of the new arm, 0 of 38,000 of the old one",
    )


def test_all_traffic_is_compared_with_nothing() -> None:
    """At 100 % only freshness, duration and fixed limits are left to check."""
    limit = ("error: {type: event}", "error: {type: event, max_share: 0.01}")
    counts = step_counts(arm_counts(1_000, {"error": 100}), Counts(), step=100)
    reading = read(counts, limit, percent=100)
    assert [each.name for each in reading.checks] == ["records", "duration", "error", "slow", "bad"]
    assert check(reading, "slow").words.startswith("not watched: no old arm to compare with")


@pytest.mark.parametrize(("role", "finding"), [("signal", "wrong"), ("guardrail", "harm")])
def test_a_fixed_limit_is_held_where_no_old_arm_is_left(role: str, finding: Finding) -> None:
    """At 100 % a guardrail clearly above its max_share is harm, so that a rollout that is complete still rolls back."""
    limit = ("error: {type: event}", f"error: {{type: event, max_share: 0.01, role: {role}}}")
    full = step_counts(arm_counts(1_000, {"error": 30}), Counts(), step=100)
    assert check(read(full, limit, percent=100), "error").finding == finding
    near = step_counts(arm_counts(1_000, {"error": 15}), Counts(), step=100)
    assert check(read(near, limit, percent=100), "error").finding == "pass"


def test_harm_at_all_of_the_traffic_stays_harm() -> None:
    """Who lowers the percentage after harm at 100 % is still told of it."""
    limit = ("error: {type: event}", "error: {type: event, max_share: 0.01}")
    full = step_counts(arm_counts(1_000, {"error": 100}), Counts(), step=100)
    assert [each.name for each in read({**equal(), **full}, limit).of("harm")] == ["error at 100 %"]


def test_a_stopped_rollout_has_nothing_to_read() -> None:
    """At 0 % there is nothing to check."""
    assert read(equal(), ("percent: 5\n", "percent: 0\n")).finding == "lacking"


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 3000), st.integers(0, 3000))
def test_any_counts_have_a_reading(failed_new: int, failed_old: int, new: int, old: int) -> None:
    """Whatever the counts, each check has words and finite evidence, and harm is never also a pass."""
    counts = step_counts(
        arm_counts(max(new, failed_new), {"error": failed_new}),
        arm_counts(max(old, failed_old), {"error": failed_old}, first=10**9),
    )
    reading = read(counts)
    assert all(each.words for each in reading.checks)
    found = check(reading, "error")
    assert found.log_e_harm is not None
    assert math.isfinite(found.log_e_harm)

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.engine.breaker import HOPELESS, IN_A_ROW, Breaker
from pytest_llmupgrade.engine.budget import Budget
from pytest_llmupgrade.engine.limits import Aimd, Allowance, Pause, Probe, TokenEstimate
from pytest_llmupgrade.engine.retry import LONGEST_RETRY_AFTER_S, RetryBudget, RetryPolicy, Tries
from pytest_llmupgrade.engine.window import Window
from pytest_llmupgrade.model import Completion, FailureKind
from tests.engine.scripted import failure

OK = Completion(text="")

# --- retry -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "failed", "again"),
    [
        ("server", 1, True),
        ("connection", 4, True),
        ("timeout", 4, True),
        ("server", 5, False),
        ("protocol", 1, True),
        ("bad_request", 1, False),
        ("auth", 1, False),
        ("quota", 1, False),
        ("not_found", 1, False),
        ("empty", 1, False),
        ("budget", 1, False),
        ("cancelled", 1, False),
        ("target", 1, False),
    ],
)
def test_which_failures_are_tried_again(kind: FailureKind, failed: int, *, again: bool) -> None:
    """Only what may pass is tried again, and not for ever."""
    wait = RetryPolicy().wait_s(failure(kind), Tries(failed=failed))
    assert (wait is not None) == again


def test_429_is_counted_apart() -> None:
    """Being turned away for the rate does not use up the tries that faults have."""
    tries = Tries(failed=4)
    for _ in range(9):
        tries = tries.after(failure("rate_limit"))
        assert RetryPolicy().wait_s(failure("rate_limit"), tries) is not None
    assert tries == Tries(failed=4, turned_away=9)
    assert RetryPolicy().wait_s(failure("rate_limit"), tries.after(failure("rate_limit"))) is None


@given(st.integers(1, 4), st.integers(0, 9), st.floats(0, 1, exclude_max=True), st.floats(0, 100))
def test_waits_are_jittered_and_honour_the_server(
    failed: int, turned_away: int, chance: float, asked: float
) -> None:
    """A wait is never shorter than the server asks, and the part by chance never longer than half a minute."""
    policy = RetryPolicy(chance=lambda: chance)
    wait = policy.wait_s(
        failure("server", retry_after_s=asked), Tries(failed=failed, turned_away=turned_away)
    )
    assert wait is not None
    assert asked <= wait <= asked + 30


def test_full_jitter_doubles_its_ceiling() -> None:
    """The longest possible waits are half a second, one, two, four."""
    policy = RetryPolicy(chance=lambda: 1.0)
    waits = [policy.wait_s(failure("server"), Tries(failed=count)) for count in (1, 2, 3, 4)]
    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_server_that_asks_for_too_long_is_not_waited_for() -> None:
    """An hour's wait is a failure now."""
    asked = failure("rate_limit", retry_after_s=LONGEST_RETRY_AFTER_S + 1)
    assert RetryPolicy().wait_s(asked, Tries(turned_away=1)) is None


@given(st.lists(st.booleans(), max_size=300), st.integers(0, 20))
def test_retries_never_exceed_their_share(steps: list[bool], reserve: int) -> None:
    """Whatever the order of calls and retries, there are at most the reserve and a fifth of the calls."""
    budget = RetryBudget(share=0.2, reserve=reserve)
    calls = retries = 0
    for is_call in steps:
        if is_call:
            budget.earn()
            calls += 1
        else:
            retries += budget.spend()
        assert retries <= reserve + 0.2 * calls + 1e-9


# --- limits ----------------------------------------------------------------------------------------


def test_concurrency_halves_once_for_a_crowd() -> None:
    """Thirty-two calls turned away together halve the concurrency once; one sent later halves it again."""
    limit = Aimd(32)
    for _ in range(32):
        limit.overrun(sent_at=0.0, now=1.0)
    assert limit.allowed == 16
    limit.overrun(sent_at=2.0, now=3.0)
    assert limit.allowed == 8


def test_concurrency_grows_by_one_a_round() -> None:
    """After a round of answers one more call is allowed, up to the most and never beyond."""
    limit = Aimd(10)
    limit.overrun(sent_at=0.0, now=1.0)
    for _ in range(6):
        limit.succeeded()
    assert limit.allowed == 6
    for _ in range(1000):
        limit.succeeded()
    assert limit.allowed == 10


@given(st.integers(1, 200), st.lists(st.booleans(), max_size=200))
def test_concurrency_stays_within_bounds(most: int, answers: list[bool]) -> None:
    """There is always room for one call, and never for more than the most."""
    limit = Aimd(most)
    for now, good in enumerate(answers):
        limit.succeeded() if good else limit.overrun(sent_at=now, now=now)
        assert 1 <= limit.allowed <= most


@given(st.floats(1, 10_000), st.lists(st.floats(0, 5), max_size=60))
def test_requests_per_minute_are_kept(per_minute: float, gaps: list[float]) -> None:
    """Calls sent whenever the allowance lets them never exceed it by more than the burst of six seconds."""
    allowance = Allowance(per_minute, 0.0)
    now, sent = 0.0, 0
    for gap in gaps:
        now += gap
        if allowance.wait_s(now) == 0.0:
            allowance.take(1, now)
            sent += 1
    assert sent <= per_minute / 60 * now + max(1.0, per_minute / 10) + 1e-6


def test_wait_is_as_long_as_it_takes() -> None:
    """After the wait that it names the allowance lets a call go."""
    allowance = Allowance(60, 0.0)
    for _ in range(6):
        assert allowance.wait_s(0.0) == 0.0
        allowance.take(1, 0.0)
    assert allowance.wait_s(0.0) == pytest.approx(1.0)
    assert allowance.wait_s(1.0) == 0.0


def test_tokens_given_back_count() -> None:
    """A call that used less than expected makes room for the next."""
    allowance = Allowance(6000, 0.0)
    allowance.take(700, 0.0)
    assert allowance.wait_s(0.0) > 0
    allowance.take(-650, 0.0)
    assert allowance.wait_s(0.0) == 0.0


def test_estimate_follows_what_calls_use() -> None:
    """The first call's tokens replace the guess, and later ones are averaged in."""
    estimate = TokenEstimate(500)
    for tokens in (100, 300):
        estimate.learn(tokens)
    assert estimate.tokens == 200


def test_pause_is_the_longest_that_was_asked_for() -> None:
    """A shorter word does not end a longer pause, and only a pause that begins is news."""
    pause = Pause()
    assert pause.hold(10, 0.0)
    assert not pause.hold(1, 0.0)
    assert not pause.hold(12, 0.0)
    assert pause.wait_s(2.0) == 10.0
    assert pause.wait_s(12.0) == 0.0
    assert not pause.hold(0, 12.0)
    assert pause.hold(1, 12.0)


def test_probe_ends_with_proof_or_patience() -> None:
    """One call goes alone until it is answered, or has been away for so long that it cannot have been refused."""
    probe = Probe(2.0)
    assert probe.wait_s(0.0) == 0.0
    probe.sent(0.0)
    assert probe.wait_s(0.5) == 1.5
    assert probe.wait_s(2.0) == 0.0
    probe.back(proven=False)
    probe.sent(3.0)
    assert probe.wait_s(3.0) == 2.0
    probe.back(proven=True)
    probe.sent(4.0)
    assert probe.wait_s(4.0) == 0.0


# --- breaker ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(IN_A_ROW))
def test_breaker_opens_after_failures_in_a_row(kind: FailureKind) -> None:
    """The last of them opens it, once; its failure keeps the kind and says how often it was met."""
    breaker = Breaker()
    opened = [breaker.saw(failure(kind)) for _ in range(IN_A_ROW[kind] + 5)]
    assert opened.index(True) == IN_A_ROW[kind] - 1
    assert sum(opened) == 1
    assert breaker.failure is not None
    assert breaker.failure.kind == kind
    assert str(IN_A_ROW[kind]) in breaker.failure.message


KINDS: list[FailureKind | None] = [*sorted(IN_A_ROW), "bad_request", "empty", None]


@given(st.lists(st.sampled_from(KINDS), max_size=80))
def test_breaker_stays_closed_without_a_row(kinds: list[FailureKind | None]) -> None:
    """It opens exactly when one kind came often enough with neither success nor another counted kind between."""
    breaker = Breaker()
    run: list[FailureKind] = []
    due = False
    for kind in kinds:
        breaker.saw(OK if kind is None else failure(kind))
        if kind is None:
            run = []
        elif kind in IN_A_ROW:
            run = [*run, kind] if kind in run else [kind]
            due = due or len(run) >= IN_A_ROW[kind]
        assert (breaker.failure is not None) == due


def test_hopeless_failures_open_early() -> None:
    """A handful is enough where only the user can help."""
    assert all(IN_A_ROW[kind] == 3 for kind in HOPELESS)


# --- budget ----------------------------------------------------------------------------------------


@given(
    st.decimals("0.01", 10, places=2),
    st.lists(st.tuples(st.booleans(), st.decimals(0, "0.5", places=3)), max_size=200),
)
def test_overshoot_is_bounded_by_what_is_in_flight(cap: Decimal, steps: list[tuple[bool, Decimal]]) -> None:
    """Nothing leaves once the cap is reached, so that what is spent beyond it was in flight before."""
    budget = Budget(cap)
    in_flight = 0
    for wants_to_send, cost in steps:
        if wants_to_send and budget.leave() == "go":
            assert budget.spent_usd < cap
            budget.sent("m")
            in_flight += 1
        elif in_flight and not wants_to_send:
            before = budget.spent_usd
            budget.back("m")
            budget.pay("m", cost)
            in_flight -= 1
            assert budget.spent_usd - before == cost


def test_calls_wait_while_those_in_flight_may_use_it_up() -> None:
    """An expected cost makes others wait and not fail, since it may turn out lower."""
    budget = Budget(Decimal(10))
    budget.sent("m")
    budget.back("m")
    budget.pay("m", Decimal(4))
    budget.sent("m")
    assert budget.leave() == "go"
    budget.sent("m")
    assert budget.leave() == "wait"
    budget.back("m")
    assert budget.leave() == "go"


def test_unknown_prices_are_counted_and_not_free() -> None:
    """A call without a price is counted as such."""
    budget = Budget(Decimal(1))
    budget.pay("m", None)
    assert budget.spent_usd == 0
    assert budget.unpriced == 1


# --- window ----------------------------------------------------------------------------------------


@given(st.integers(1, 10), st.integers(0, 60), st.lists(st.integers(0, 59), max_size=60))
def test_window_lets_each_in_once_and_only_near_execution(ahead: int, size: int, places: list[int]) -> None:
    """Every entry comes at most once, in order, and within the window of a place that was reached."""
    window = Window(ahead)
    seen = list(window.extend(size))
    assert seen == list(range(min(ahead, size)))
    for place in places:
        new = window.reached(place)
        assert list(new) == sorted(new)
        assert all(place <= index < min(place + ahead, size) for index in new)
        seen.extend(new)
        assert set(range(place, min(place + ahead, size))) <= set(seen)
    assert len(seen) == len(set(seen))


def test_plan_that_grows_opens_with_execution() -> None:
    """What is added later waits until execution comes near."""
    window = Window(3)
    assert window.extend(2) == (0, 1)
    assert window.extend(4) == ()
    assert window.reached(1) == (2, 3)

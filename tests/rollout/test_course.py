from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.rollout.breaker import Breaker
from pytest_llmupgrade.rollout.course import Served, course
from pytest_llmupgrade.rollout.events import Decision
from tests.rollout.making import rollout

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import ArmName, Rollout

PLAN = rollout()
RETRYING = rollout(
    ("{model: gpt-4o, prompt: support}", "{model: gpt-4o, retries: 2, retry_on: [5xx], backoff: 100ms}")
)


class ServerError(Exception):
    """What a client raises on 503."""

    status_code = 503


class BadRequestError(Exception):
    """What a client raises on 400."""

    status_code = 400


def _decision(arm: ArmName, plan: Rollout) -> Decision:
    return Decision(arm, "id", 1, 5.0, "live", plan)


def _follow(
    script: dict[ArmName, list[object]],
    *,
    arm: ArmName = "new",
    plan: Rollout = PLAN,
    breaker: Breaker | None = None,
) -> tuple[Served, list[object]]:
    """Follow a course, answering each call from a script; return its end and what it said to do."""
    way = course(_decision(arm, plan), breaker or Breaker(plan.breaker), lambda: 100.0)
    todos: list[object] = []
    outcome = None
    while True:
        try:
            todo = way.send(outcome)
        except StopIteration as done:
            return done.value, todos
        todos.append(todo)
        if isinstance(todo, float):
            outcome = None
            continue
        value = script[todo].pop(0)
        outcome = (None, value) if isinstance(value, BaseException) else (value, None)


def test_a_success_is_the_whole_course() -> None:
    """An arm that answers is called once, and nothing else is."""
    served, todos = _follow({"new": ["hello"]})
    assert (served.arm, served.value, served.failure, todos) == ("new", "hello", None, ["new"])


def test_a_fallback_still_counts_against_the_new_arm() -> None:
    """The old arm's answer is served, and the failure stays the new arm's."""
    served, todos = _follow({"new": [ServerError()], "old": ["hello"]})
    assert (served.arm, served.value, served.failure) == ("old", "hello", "5xx")
    assert (served.error, served.tries, todos) == (None, 2, ["new", "old"])


def test_no_fallback_for_other_failures() -> None:
    """A failure that the file does not name is the product's, as without a router."""
    error = BadRequestError()
    served, todos = _follow({"new": [error]})
    assert (served.arm, served.error, served.failure, todos) == (None, error, "bad_request", ["new"])


def test_both_fail() -> None:
    """Where both arms fail the product sees the old arm's error, the one it knows."""
    error = BadRequestError()
    served, _ = _follow({"new": [ServerError()], "old": [error]})
    assert (served.arm, served.error, served.failure) == (None, error, "5xx")


def test_the_old_arm_has_nobody_behind_it() -> None:
    """The old arm's failure never sends a request to the new one."""
    served, todos = _follow({"old": [ServerError()]}, arm="old")
    assert (served.failure, todos) == ("5xx", ["old"])


def test_retries_come_before_the_fallback() -> None:
    """An arm is tried again as often as it says, with growing pauses; a late success is no failure."""
    served, todos = _follow({"new": [ServerError(), ServerError(), "hello"]}, plan=RETRYING)
    assert (served.arm, served.failure, served.tries) == ("new", None, 3)
    assert todos == ["new", 0.1, "new", 0.2, "new"]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), GeneratorExit()])
def test_a_caller_who_leaves_is_let_go(error: BaseException) -> None:
    """Cancellation is neither retried, nor replaced, nor anybody's failure."""
    breaker = Breaker(PLAN.breaker)
    served, todos = _follow({"new": [error]}, breaker=breaker)
    assert (served.cancelled, served.failure, todos) == (True, None, ["new"])


def test_a_caller_who_leaves_during_the_fallback_hides_no_failure() -> None:
    """What the new arm had failed by then is known, whoever has the patience for the old one."""
    served, _ = _follow({"new": [ServerError()], "old": [asyncio.CancelledError()]})
    assert (served.cancelled, served.failure, served.arm) == (True, "5xx", None)


def test_an_open_breaker_spares_the_wait() -> None:
    """After ten failures the new arm is not tried, and its units count as failed all the same."""
    breaker = Breaker(PLAN.breaker)
    for _ in range(10):
        _follow({"new": [ServerError()], "old": ["x"]}, breaker=breaker)
    served, todos = _follow({"old": ["x"]}, breaker=breaker)
    assert (served.arm, served.failure, todos) == ("old", "breaker", ["old"])


def test_requests_own_faults_do_not_open_the_breaker() -> None:
    """A hundred bad requests say nothing about the arm's health."""
    breaker = Breaker(PLAN.breaker)
    for _ in range(100):
        _follow({"new": [BadRequestError()]}, breaker=breaker)
    assert not breaker.is_open


outcomes = st.lists(
    st.sampled_from(["answer", ServerError(), BadRequestError(), TimeoutError()]), min_size=4, max_size=4
)


@given(outcomes, outcomes, st.sampled_from(["old", "new"]), st.sampled_from([PLAN, RETRYING]))
def test_whatever_happens(new: list[object], old: list[object], arm: ArmName, plan: Rollout) -> None:
    """No course goes from the old arm to the new one, tries more than it may, or hides who failed."""
    served, todos = _follow({"new": list(new), "old": list(old)}, arm=arm, plan=plan)
    calls = [todo for todo in todos if isinstance(todo, str)]
    assert calls == sorted(calls)  # "new" before "old"
    assert all(calls.count(name) <= plan.arms[name].retries + 1 for name in ("old", "new"))
    assert served.tries == len(calls)
    assert (served.arm is None) == (served.error is not None)
    assert (served.failure is None) == (served.arm == arm)

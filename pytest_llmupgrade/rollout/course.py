"""The course of one request, without doing anything: a generator says what to do, a driver does it.

So the sync and the async router, and tests, go by the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade.rollout.failures import failure_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pytest_llmupgrade.rollout.breaker import Breaker
    from pytest_llmupgrade.rollout.config import ArmName
    from pytest_llmupgrade.rollout.events import Decision

Outcome: TypeAlias = "tuple[object, BaseException | None]"
"""What a call brought: its value, or what it raised."""
Todo: TypeAlias = "ArmName | float"
"""Call this arm and send its outcome, or wait so many seconds and send None, or what ended the wait."""
BREAKER = "breaker"
"""The failure of an arm that was not even tried."""
_REQUESTS_OWN = "bad_request"
"""The failure that says nothing about the arm's health."""


@dataclass(frozen=True, slots=True)
class Served:
    """How a request ended."""

    arm: ArmName | None
    """The arm that answered; None: nobody did, and `error` is raised."""
    value: object = None
    error: BaseException | None = None
    failure: str | None = None
    """How the assigned arm failed for good."""
    tries: int = 1

    @property
    def cancelled(self) -> bool:
        """Whether the caller went away (CancelledError, KeyboardInterrupt), which is nobody's failure by itself."""
        return self.error is not None and not isinstance(self.error, Exception)


Course: TypeAlias = "Generator[Todo, Outcome | None, Served]"


def course(decision: Decision, breaker: Breaker, clock: Callable[[], float]) -> Course:
    """Yield what to do for a request: tries of its arm, then of the old one where the rollout says so."""
    if decision.arm == "old":
        return (yield from _tries("old", decision))
    if not breaker.allows(clock()):
        return _instead((yield from _tries("old", decision)), failure=BREAKER, tries=0)
    served = yield from _tries("new", decision)
    if served.cancelled:
        return served
    failed = served.failure is not None and served.failure != _REQUESTS_OWN
    breaker.saw(failed=failed, now=clock())
    if served.failure is None or served.failure not in decision.rollout.fallback_on:
        return served
    return _instead((yield from _tries("old", decision)), failure=served.failure, tries=served.tries)


def _instead(served: Served, *, failure: str, tries: int) -> Served:
    """Return the old arm's end as the end of a request that the new arm failed."""
    return Served(served.arm, served.value, served.error, failure, served.tries + tries)


def _tries(name: ArmName, decision: Decision) -> Course:
    arm = decision.rollout.arms[name]
    tries = 0
    while True:
        outcome = yield name
        assert outcome is not None  # noqa: S101  a driver answers a call with its outcome
        value, error = outcome
        tries += 1
        if error is None:
            return Served(name, value, tries=tries)
        if not isinstance(error, Exception):
            return Served(None, error=error, tries=tries)
        failure = failure_name(error)
        if tries > arm.retries or failure not in arm.retry_on:
            return Served(None, error=error, failure=failure, tries=tries)
        ended = yield arm.backoff_s * 2 ** (tries - 1)
        if ended is not None:  # the caller went away during the pause
            return Served(None, error=ended[1], tries=tries)

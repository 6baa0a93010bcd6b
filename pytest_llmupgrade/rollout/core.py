"""What every routed request goes through, whichever way it came: decide, follow its course, record.

The router's own faults never reach a request: where deciding or recording fails, the old arm is called as if it
were not there.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Protocol

from pytest_llmupgrade.model import Usage
from pytest_llmupgrade.rollout.clock import CLOCK, Clock
from pytest_llmupgrade.rollout.course import Served, course
from pytest_llmupgrade.rollout.deciding import Decider
from pytest_llmupgrade.rollout.driving import adrive, awaited, drive
from pytest_llmupgrade.rollout.eventlog import EventLog
from pytest_llmupgrade.rollout.events import CallEnd, Decision, cost_of, failure_in, usage_in
from pytest_llmupgrade.rollout.otel import telemetry_of
from pytest_llmupgrade.rollout.policy import Watch, sink_folder
from pytest_llmupgrade.rollout.shadow import Shadow, Tried, atried, tried
from pytest_llmupgrade.rollout.streams import AsyncBegun, AsyncStream, Begun, Stream, Watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_llmupgrade.rollout.config import ArmName
    from pytest_llmupgrade.rollout.events import Event
    from pytest_llmupgrade.rollout.otel import Telemetry

_UNDONE = (CoroutineType, GeneratorType, AsyncGeneratorType)
_UNDONE_HELP = "use acall for async callables, stream or astream for those that yield"
log = logging.getLogger("pytest_llmupgrade.rollout")


class Log(Protocol):
    """Where records go; neither may raise, nor wait for a disk."""

    fault: str | None
    written: int
    lost: int

    def put(self, item: CallEnd | Event) -> None:
        """Take an event."""

    def flush(self) -> bool:
        """Write what was put; True once all of it is kept."""

    def close(self) -> None:
        """Write everything, and let go."""

    def after_fork(self) -> None:
        """Begin anew in a child process."""


class Core:
    """One for each router and process."""

    def __init__(
        self, decider: Decider, log: Log, *, telemetry: Telemetry | None = None, clock: Clock = CLOCK
    ) -> None:
        self.decider, self.log, self._telemetry, self._clock = decider, log, telemetry, clock
        self.shadow = Shadow(decider.policy.rollout.shadow)
        self.own_faults = 0

    @classmethod
    def from_file(cls, path: Path) -> Core:
        """Return a core that goes by a rollout file, and leaves records in its sink."""
        decider = Decider(Watch(path))
        rollout = decider.policy.rollout
        telemetry = telemetry_of(rollout)
        # The price catalogue is loaded now, for the first request should not wait for it.
        for arm in rollout.arms.values():
            cost_of(arm, Usage(input_tokens=1, output_tokens=1))
        return cls(
            decider,
            EventLog(sink_folder(rollout, path.absolute()), rollout.sink, observe=telemetry),
            telemetry=telemetry,
        )

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return int(self._clock.unix() * 1000)

    def since(self, ms: float) -> float:
        """Return when something began that has lasted so many milliseconds, for `put`."""
        return self._clock.running() - ms / 1000

    def decide(self, unit: str | None) -> Decision:
        """Return the decision for a unit; the old arm stands in for whatever is wrong here."""
        try:
            return self.decider.decide(unit)
        except Exception as error:  # noqa: BLE001  the router's own faults never reach a request
            self.own_fault(error)
            rollout = self.decider.policy.rollout
            return Decision("old", "", 0, 0.0, rollout.mode, rollout)

    # --- whole answers -----------------------------------------------------------------------------

    def run(
        self,
        decision: Decision,
        call: Callable[[ArmName], Any],
        shadow: Callable[[], Any] | None = None,
        messages: object = None,
    ) -> Any:
        """Call the decided arm, with retries and fallback, and record it; `shadow` calls the new one beside it."""
        started = self._clock.running()
        served = self._drive(decision, call)
        self._ended(decision, served, started, messages)
        if shadow is not None:
            self._offer(partial(self._shadowed, decision, shadow, messages))
        return _result(served)

    async def arun(
        self,
        decision: Decision,
        call: Callable[[ArmName], Any],
        shadow: Callable[[], Any] | None = None,
        messages: object = None,
    ) -> Any:
        """Do as `run` does, in an event loop."""
        started = self._clock.running()
        served = await self._adrive(decision, call)
        self._ended(decision, served, started, messages)
        if shadow is not None:
            self._offer(partial(self._ashadowed, decision, shadow, messages))
        return _result(served)

    def _drive(self, decision: Decision, call: Callable[[ArmName], Any]) -> Served:
        try:
            return drive(course(decision, self.decider.breaker, self._clock.running), call, self._clock.sleep)
        except Exception as error:  # noqa: BLE001  what a call raises is in the outcome, so this is the router's own
            self.own_fault(error)
        return Served("old", call("old"))

    async def _adrive(self, decision: Decision, call: Callable[[ArmName], Any]) -> Served:
        try:
            return await adrive(course(decision, self.decider.breaker, self._clock.running), call)
        except Exception as error:  # noqa: BLE001  as above
            self.own_fault(error)
        return Served("old", await awaited(call("old")))

    # --- streams -----------------------------------------------------------------------------------

    def stream(self, decision: Decision, call: Callable[[ArmName], Any]) -> Stream:
        """Call the decided arm for a stream; a failure after it was returned is the caller's to see."""
        started = self._clock.running()
        served = self._drive(decision, call)
        if served.error is not None:
            self._ended(decision, served, started, None)
        return Stream(_result(served), self._watched(decision, served, started))

    async def astream(self, decision: Decision, call: Callable[[ArmName], Any]) -> AsyncStream:
        """Do as `stream` does, in an event loop."""
        started = self._clock.running()
        served = await self._adrive(decision, call)
        if served.error is not None:
            self._ended(decision, served, started, None)
        return AsyncStream(_result(served), self._watched(decision, served, started))

    def _watched(self, decision: Decision, served: Served, started: float) -> Watched:
        first_at = served.value.first_at if isinstance(served.value, Begun | AsyncBegun) else None
        return Watched(partial(self._stream_ended, decision, served, started), first_at)

    def _stream_ended(self, decision: Decision, served: Served, started: float, watched: Watched) -> None:
        if watched.failure is not None and served.arm == "new":
            self._blame()
        first = None if watched.first_at is None else (watched.first_at - started) * 1000
        if watched.early and watched.last_at is not None:
            started += max(0.0, self._clock.running() - watched.last_at)
        self.put(
            decision,
            started,
            served=None if watched.failure else served.arm,
            failure=served.failure or watched.failure,
            tries=served.tries,
            first_token_ms=first,
            usage=watched.usage,
            cancelled=watched.cancelled,
        )

    def _blame(self) -> None:
        """Let the breaker know of a stream that broke after its call had counted as a success."""
        try:
            self.decider.breaker.saw(failed=True, now=self._clock.running())
        except Exception as error:  # noqa: BLE001  the router's own faults never reach a request
            self.own_fault(error)

    # --- shadow ------------------------------------------------------------------------------------

    def shadows(self, decision: Decision) -> bool:
        """Return whether the new arm is to be called beside a request."""
        return decision.mode == "shadow" and self.decider.policy.stopped is None

    def _offer(self, job: Callable[[], Any]) -> None:
        try:
            if asyncio.iscoroutinefunction(job.func if isinstance(job, partial) else job):
                self.shadow.offer_in_loop(job)
            else:
                self.shadow.offer(job)
        except Exception as error:  # noqa: BLE001  nobody waits for a shadow
            self.own_fault(error)

    def _shadowed(self, decision: Decision, call: Callable[[], Any], messages: object) -> None:
        self._shadow_ended(decision, tried(call), messages)

    async def _ashadowed(self, decision: Decision, call: Callable[[], Any], messages: object) -> None:
        self._shadow_ended(decision, await atried(call), messages)

    def _shadow_ended(self, decision: Decision, done: Tried, messages: object) -> None:
        self.put(
            decision,
            done.started,
            served=None if done.failure else "new",
            failure=done.failure,
            answer=done.value,
            messages=messages,
            shadow=True,
        )

    # --- records -----------------------------------------------------------------------------------

    def _ended(self, decision: Decision, served: Served, started: float, messages: object) -> None:
        if isinstance(served.value, _UNDONE):
            kind = type(served.value).__name__
            self.own_fault(
                TypeError(
                    f"an arm returned a {kind}, which has done nothing yet, so there is nothing to record: {_UNDONE_HELP}"
                )
            )
            return
        self.put(
            decision,
            started,
            served=served.arm,
            failure=served.failure,
            tries=served.tries,
            answer=served.value,
            messages=messages,
            cancelled=served.cancelled,
        )

    def put(  # noqa: PLR0913  each says one thing about the request
        self,
        decision: Decision,
        started: float,
        *,
        answer: object = None,
        messages: object = None,
        usage: object = None,
        failure: str | None = None,
        **fields: Any,
    ) -> None:
        """Record the end of a request that began at `started`, by its clock; never raises."""
        try:
            latency = (self._clock.running() - started) * 1000
            if not decision.call_id:
                return  # nobody decided: the router's own fault stands in its count
            text = (messages, answer) if decision.rollout.record_text else None
            told, failed = (usage, None) if answer is None else self._told(answer)
            at = self.now_ms()
            end = CallEnd(decision, at, latency, failure=failure or failed, usage=told, text=text, **fields)
            self.log.put(end)
            if self._telemetry is not None:
                self._telemetry.mark_span(decision)
        except Exception as error:  # noqa: BLE001  a record is no reason to fail a request
            self.own_fault(error)

    def _told(self, answer: object) -> tuple[object, str | None]:
        """Return an answer's usage, and the failure it tells of; where looking raises the rest is still recorded."""
        try:
            return usage_in(answer), failure_in(answer)
        except Exception as error:  # noqa: BLE001  answers are the product's own classes
            self.own_fault(error)
            return None, None

    def own_fault(self, error: Exception) -> None:
        """Count a fault of the router's own, and say the first one."""
        self.own_faults += 1
        if self.own_faults == 1:
            log.error("the router's own fault, kept from the request: %s: %s", type(error).__name__, error)

    # --- life --------------------------------------------------------------------------------------

    def after_fork(self) -> None:
        """Begin anew in a child process: threads and files are the parent's."""
        for part in (self.decider, self.shadow, self.log):
            part.after_fork()

    def close(self) -> None:
        """Write everything, rollups too, and stop the threads."""
        self.shadow.close()
        self.decider.close()
        self.log.close()


def _result(served: Served) -> Any:
    if served.error is None:
        return served.value
    try:
        raise served.error
    finally:
        del served  # the error's traceback holds this frame, and the frame would hold the error

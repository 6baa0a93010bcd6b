"""Sends calls within every limit, retries them, and says what became of each: all in the loop's thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pytest_llmupgrade.engine.budget import Budget, usage_by_length
from pytest_llmupgrade.engine.lane import Lane
from pytest_llmupgrade.engine.retry import RetryBudget, RetryPolicy
from pytest_llmupgrade.engine.settings import EngineEvent
from pytest_llmupgrade.model import CallFailure, Completion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from pytest_llmupgrade.engine.flight import Flight
    from pytest_llmupgrade.engine.ports import Cost, Provider
    from pytest_llmupgrade.engine.settings import EngineSettings, EventKind
    from pytest_llmupgrade.model import Answer, ModelSpec, Request

_GRACE_S = 10.0
"""A provider keeps its own deadline; one that does not is cut off so much later."""
_LAST_WORDS_S = 1.0


class Sender:
    """Takes flights, and brings each to `landed` once, with its final answer."""

    def __init__(  # noqa: PLR0913  one argument for each thing from outside
        self,
        loop: asyncio.AbstractEventLoop,
        provider: Provider,
        specs: Mapping[str, ModelSpec],
        settings: EngineSettings,
        *,
        cost: Cost,
        on_event: Callable[[EngineEvent], object],
        landed: Callable[[Flight, Answer], object],
    ) -> None:
        self.budget = Budget(settings.budget_usd)
        self.retried = 0
        self.over: CallFailure | None = None
        """What every call fails with once nothing more is sent."""
        self._loop, self._provider, self._specs, self._settings = loop, provider, specs, settings
        self._cost, self._on_event, self._landed = cost, on_event, landed
        self._policy = RetryPolicy(
            max_attempts=settings.max_attempts, max_rate_limited=settings.max_rate_limited
        )
        self._retries = RetryBudget(share=settings.retry_share, reserve=settings.retry_reserve)
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[Lane, asyncio.TimerHandle] = {}
        self._told_budget = False
        self._reckoned: set[str] = set()
        """Models whose server does not say what calls use."""

    @property
    def in_flight(self) -> int:
        """Tries under way."""
        return len(self._tasks)

    def take(self, flight: Flight) -> None:
        """Send a call as soon as may be."""
        lane = self._lane(flight.request)
        lane.push(flight)
        self._pump(lane)

    def hurry(self, flight: Flight) -> None:
        """Let a call that was planned go before the others: somebody waits for it."""
        lane = self._lane(flight.request)
        lane.demand(flight)
        self._pump(lane)

    def cancel(self, over: CallFailure) -> None:
        """Send nothing more, and cancel what is under way."""
        self.over = over
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()

    async def aclose(self) -> None:
        """Wait a moment for what was cancelled, and release the provider's connections."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_WORDS_S)
        await self._provider.aclose()

    def tell(self, kind: EventKind, message: str) -> None:
        """Say something that a user should hear."""
        self._on_event(EngineEvent(kind=kind, message=message))

    def _lane(self, request: Request) -> Lane:
        spec = self._specs[request.model]
        place = (request.endpoint, spec.wire_name)
        if place not in self._lanes:
            self._provider.prepare()  # or else the clock of the first call alone would run meanwhile
            self._lanes[place] = Lane(spec, self._settings, self._loop.time())
        return self._lanes[place]

    # --- sending ---------------------------------------------------------------------------------

    def _pump(self, lane: Lane) -> None:
        """Send what may be sent now."""
        while lane.waiting and self._step(lane):
            pass

    def _step(self, lane: Lane) -> bool:
        """Deal with the next flight of a lane; False where it has to wait."""
        broken = lane.breaker.failure or self.over
        leave = self.budget.leave()
        if broken is None and leave != "refuse":
            return leave == "go" and not lane.full and self._send(lane)
        flight = lane.pop()
        if flight is not None:
            self._landed(flight, broken or self._no_money(flight))
        return True

    def _send(self, lane: Lane) -> bool:
        now = self._loop.time()
        wait = lane.wait_s(now)
        if wait > 0:
            self._pump_later(lane, wait)
            return False
        flight = lane.pop()
        if flight is None:
            return False
        lane.send(flight, now)
        self.budget.sent(flight.request.model)
        self._count_try(flight)
        task = self._loop.create_task(self._try(flight, lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def _count_try(self, flight: Flight) -> None:
        flight.sent += 1
        if flight.sent == 1:
            self._retries.earn()
        else:
            self.retried += 1

    def _pump_later(self, lane: Lane, seconds: float) -> None:
        if (timer := self._timers.get(lane)) is not None:
            timer.cancel()  # the limits have changed since
        self._timers[lane] = self._loop.call_later(seconds, self._wake, lane)

    def _wake(self, lane: Lane) -> None:
        self._timers.pop(lane, None)
        self._pump(lane)

    async def _try(self, flight: Flight, lane: Lane) -> None:
        spec = self._specs[flight.request.model]
        try:
            async with asyncio.timeout(spec.timeout_s + _GRACE_S):
                answer = await self._provider.acomplete(flight.request, spec)
        except TimeoutError:
            answer = CallFailure(kind="timeout", message=f"{spec.name}: no answer in {spec.timeout_s:g} s")
        except asyncio.CancelledError:
            answer = self.over or CallFailure(kind="cancelled", message="the call was cancelled")
        except Exception as error:  # noqa: BLE001  a provider's own fault fails its call, not the run
            answer = CallFailure(kind="protocol", message=f"{spec.name}: the provider raised {_name(error)}")
        try:
            self._back(flight, lane, answer)
        except Exception as error:
            # A price that cannot be computed must not leave somebody waiting for ever.
            words = f"{spec.name}: the call could not be accounted for ({_name(error)})"
            self._landed(flight, CallFailure(kind="protocol", message=words))
            raise

    # --- coming back -----------------------------------------------------------------------------

    def _back(self, flight: Flight, lane: Lane, answer: Answer) -> None:
        model = flight.request.model
        self.budget.back(model)
        if isinstance(answer, Completion) or answer.usage is not None:
            self.budget.pay(model, self._charge(flight.request, answer))
        if lane.back(flight, answer, self._loop.time()) and isinstance(answer, CallFailure):
            self.tell("paused", f"{answer.message}: waiting {answer.retry_after_s:g} s, as it asks")
        if isinstance(answer, Completion):
            lane.breaker.saw(answer)
            self._landed(flight, answer)
        else:
            self._again_or_fail(flight, lane, answer)
        self._pump_after(lane)

    def _charge(self, request: Request, answer: Answer) -> Decimal | None:
        """Return what a call cost; under a budget, what it cost by its length where the server does not say it."""
        cost = self._cost(request, answer.usage)
        if cost is not None or self._settings.budget_usd is None:
            return cost
        if request.model not in self._reckoned:
            self._reckoned.add(request.model)
            words = f"{request.model}: the server does not say what calls use, so the budget reckons by their length"
            self.tell("budget", words)
        return self._cost(request, usage_by_length(request, answer))

    def _pump_after(self, lane: Lane) -> None:
        # With a budget, what one model's call cost may decide over another's.
        for each in tuple(self._lanes.values()) if self._settings.budget_usd is not None else (lane,):
            self._pump(each)

    def _again_or_fail(self, flight: Flight, lane: Lane, failure: CallFailure) -> None:
        flight.tries = flight.tries.after(failure)
        wait = None if self.over else self._policy.wait_s(failure, flight.tries)
        # A server that says 429 is spared by the pause already, and a rate is no fault.
        if wait is not None and (failure.kind == "rate_limit" or self._retries.spend()):
            self._loop.call_later(wait, self._again, flight, lane)
            return
        if lane.breaker.saw(failure) and lane.breaker.failure is not None:
            self.tell("broken", lane.breaker.failure.message)
        self._landed(flight, failure)

    def _again(self, flight: Flight, lane: Lane) -> None:
        lane.push(flight)
        self._pump(lane)

    def _no_money(self, flight: Flight) -> CallFailure:
        cap = self._settings.budget_usd
        words = f"not sent, the budget of ${cap} is spent (${self.budget.spent_usd:.4f})"
        if not self._told_budget:
            self._told_budget = True
            self.tell("budget", f"the budget of ${cap} is spent: no more calls are sent")
        return CallFailure(kind="budget", message=f"{flight.request.model}: {words}")


def _name(error: Exception) -> str:
    return type(error).__name__

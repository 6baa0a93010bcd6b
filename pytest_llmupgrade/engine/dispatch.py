"""Answers requests from the shelf or by a call, each call once: everything here runs in the loop's thread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_llmupgrade.engine.flight import Flight
from pytest_llmupgrade.engine.results import Results
from pytest_llmupgrade.engine.sender import Sender
from pytest_llmupgrade.engine.settings import EngineStats
from pytest_llmupgrade.engine.writer import Writer
from pytest_llmupgrade.model import CallFailure, Completion

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from pytest_llmupgrade.engine.flight import After
    from pytest_llmupgrade.engine.ports import Cost, Provider, Shelf
    from pytest_llmupgrade.engine.settings import EngineEvent, EngineSettings
    from pytest_llmupgrade.model import Answer, ModelSpec, Request

_ROOM = 4
"""Answers held for each place in the window: items that were passed over leave theirs behind."""


class Dispatcher:
    """Single flight for each key, and an answer is durable before anybody sees it."""

    def __init__(  # noqa: PLR0913  one argument for each thing from outside
        self,
        loop: asyncio.AbstractEventLoop,
        provider: Provider,
        specs: Mapping[str, ModelSpec],
        shelf: Shelf,
        settings: EngineSettings,
        *,
        cost: Cost,
        on_event: Callable[[EngineEvent], object],
    ) -> None:
        self.results = Results(_ROOM * max(settings.ahead, 64))
        self._specs, self._shelf = specs, shelf
        self._sender = Sender(
            loop, provider, specs, settings, cost=cost, on_event=on_event, landed=self._landed
        )
        self._writer = Writer(
            shelf,
            lambda group: loop.call_soon_threadsafe(self._written, group),
            lambda flight, error: loop.call_soon_threadsafe(self._unwritable, flight, error),
        )
        self._flights: dict[str, Flight] = {}
        self._counted: set[int] = set()
        self._live = self._stored = self._failed = 0

    def stats(self) -> EngineStats:
        """Return where the calls stand; from any thread."""
        return EngineStats(
            live=self._live,
            stored=self._stored,
            failed=self._failed,
            retried=self._sender.retried,
            in_flight=self._sender.in_flight,
            spent_usd=self._sender.budget.spent_usd,
            unpriced=self._sender.budget.unpriced,
        )

    # --- asking ----------------------------------------------------------------------------------

    def demand(self, request: Request, key: str, future: Future[Answer]) -> None:
        """Answer a request to somebody who waits."""
        answer = self.results.take(key)
        if answer is None and key not in self._flights:
            answer = self._from_shelf(key)
        if answer is not None:
            future.set_result(answer)
            return
        if not self._join(request, key, future=future):
            future.set_result(self._refusal(request))

    def prefetch(self, request: Request, key: str, after: After | None) -> None:
        """Complete a request that somebody will ask for."""
        if self._sender.over is not None:
            return
        answer = self.results.look(key)
        if answer is None and key not in self._flights:
            answer = self._from_shelf(key)
            if answer is not None:
                self.results.put(key, answer)
        if answer is None:
            self._join(request, key, after=after)
        elif isinstance(answer, Completion):  # cases may share an answer, and each has judges of its own
            self._follow(after, answer)

    def _join(
        self, request: Request, key: str, *, future: Future[Answer] | None = None, after: After | None = None
    ) -> bool:
        """Wait for the flight of a key, a new one if need be; False where none may be begun."""
        flight = self._flights.get(key)
        new = flight is None
        if flight is None:
            if self._sender.over is not None or request.model not in self._specs:
                return False
            flight = self._flights[key] = Flight(request=request, key=key, demanded=future is not None)
        # Before it is sent, since a call that may not be sent is answered at once.
        flight.waiting += [future] if future is not None else []
        flight.afters += [after] if after is not None else []
        if new:
            self._sender.take(flight)
        elif future is not None and not flight.demanded:
            self._sender.hurry(flight)
        return True

    def _refusal(self, request: Request) -> CallFailure:
        missing = CallFailure(kind="not_found", message=f"{request.model}: no such model is declared")
        return self._sender.over or missing

    def _from_shelf(self, key: str) -> Completion | None:
        stored = self._shelf.get(key)
        if stored is not None and self._first_time(key):
            self._stored += 1
        return stored

    def _first_time(self, key: str) -> bool:
        # 15 hexadecimal digits tell keys apart as well, in a third of the memory.
        mark = int(key[:15], 16)
        known = mark in self._counted
        self._counted.add(mark)
        return not known

    # --- answering -------------------------------------------------------------------------------

    def _landed(self, flight: Flight, answer: Answer) -> None:
        if isinstance(answer, CallFailure):
            self._fail(flight, answer)
            return
        self._live += 1
        self._first_time(flight.key)
        flight.answered = True
        self._writer.write(flight, answer)

    def _written(self, group: list[tuple[Flight, Completion]]) -> None:
        for flight, completion in group:
            self._hand_out(flight, completion)
            for after in flight.afters:
                self._follow(after, completion)

    def _unwritable(self, flight: Flight, error: Exception) -> None:
        words = (
            f"{flight.request.model}: the answer cannot be kept ({type(error).__name__}), so it is not used"
        )
        self._live -= 1
        self._fail(flight, CallFailure(kind="protocol", message=words))

    def _fail(self, flight: Flight, failure: CallFailure) -> None:
        if failure.kind != "cancelled":
            self._failed += 1
        if flight.sent > 1:
            tries = f"{failure.message} (tried {flight.sent} times)"
            failure = replace(failure, message=tries)
        self._hand_out(flight, failure)

    def _hand_out(self, flight: Flight, answer: Answer) -> None:
        if self._flights.pop(flight.key, None) is None:
            return  # given up meanwhile
        for future in flight.waiting:
            future.set_result(answer)
        if not flight.waiting:
            self.results.put(flight.key, answer)

    def _follow(self, after: After | None, completion: Completion) -> None:
        if after is None:
            return
        try:
            requests = after(completion)
        except Exception:  # noqa: BLE001  the item asks again itself, and then its fault is seen
            return
        for request in requests:
            self.prefetch(request, request.key, None)

    # --- the end ---------------------------------------------------------------------------------

    def cancel(self, reason: str) -> None:
        """Send nothing more; what is under way fails as 'cancelled', what has arrived is kept."""
        if self._sender.over is not None:
            return
        over = _cancelled(reason)
        self._sender.cancel(over)
        for flight in [flight for flight in self._flights.values() if not flight.answered]:
            self._fail(flight, over)

    def out_of_time(self, seconds: float) -> None:
        """Cancel because the run's time is over."""
        reason = f"the run's {seconds:g} s are over"
        if self._sender.over is None:
            self._sender.tell("deadline", f"{reason}: no more calls are sent")
        self.cancel(reason)

    async def aclose(self) -> None:
        """Cancel, and release the provider's connections."""
        self.cancel("the run is over")
        await self._sender.aclose()

    def flush(self) -> None:
        """Write what has arrived and end the writer; from another thread than the loop's."""
        self._writer.stop()


def _cancelled(reason: str) -> CallFailure:
    return CallFailure(kind="cancelled", message=f"not sent: {reason}")

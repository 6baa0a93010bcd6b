"""The engine as other threads see it: one way for every completion."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.engine.dispatch import Dispatcher
from pytest_llmupgrade.engine.flight import Planned
from pytest_llmupgrade.engine.jobs import Jobs
from pytest_llmupgrade.engine.loop import LoopThread, wait_for
from pytest_llmupgrade.engine.plan import Plan
from pytest_llmupgrade.engine.ports import NoShelf
from pytest_llmupgrade.engine.settings import EngineSettings
from pytest_llmupgrade.model import CallFailure, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_llmupgrade.engine.jobs import Run
    from pytest_llmupgrade.engine.plan import Entry, PlannedJob
    from pytest_llmupgrade.engine.ports import Cost, Provider, Shelf
    from pytest_llmupgrade.engine.settings import EngineEvent, EngineStats
    from pytest_llmupgrade.model import Answer, ModelSpec


class Engine:
    """A Completer that completes what is planned ahead of its turn, each call once; any thread may call it.

    `cost` prices a call; `on_event` hears in the loop's thread what a user should hear once; `on_wait` is called now
    and then in a thread that waits for an answer. The provider is closed with the engine, the shelf is not.
    """

    def __init__(  # noqa: PLR0913  one argument for each thing from outside
        self,
        provider: Provider,
        specs: Mapping[str, ModelSpec],
        shelf: Shelf | None = None,
        settings: EngineSettings | None = None,
        *,
        cost: Cost = lambda _request, _usage: None,
        on_event: Callable[[EngineEvent], object] = lambda _event: None,
        on_wait: Callable[[], object] = lambda: None,
    ) -> None:
        settings = settings or EngineSettings()
        self._thread = LoopThread("llmupgrade-engine")
        self._dispatcher = Dispatcher(
            self._thread.loop, provider, specs, shelf or NoShelf(), settings, cost=cost, on_event=on_event
        )
        self.jobs = Jobs(settings.concurrency)
        self._plan = Plan(settings.ahead, self._let_out)
        self._notes: deque[tuple[Callable[[str], None], str]] = deque()
        """What the plan has not been told yet: waking the loop for each item would cost more than the item."""
        self._stride = max(1, settings.ahead // 8)
        self._closed = False
        self._on_wait = on_wait
        self._expected = 0
        if settings.deadline_s is not None:
            self._thread.post(self._end_after, settings.deadline_s)

    # --- what will be asked ----------------------------------------------------------------------

    def plan(self, entries: Sequence[Request | Planned | PlannedJob]) -> None:
        """Take what the selected items will ask for, in execution order, and begin with the first of them."""
        planned = [Planned(request=entry) if isinstance(entry, Request) else entry for entry in entries]
        self._expected += sum(
            1 + (entry.follow_ups if isinstance(entry, Planned) else 0) for entry in planned
        )
        self._thread.post(self._plan.extend, planned)

    def submit(self, key: str, run: Run) -> None:
        """Run a job now, sync in a thread or async on a loop, beside the plan."""
        self.jobs.put(key, run)

    def reached(self, owner: str) -> None:
        """Say that an item is being executed, so that the window moves on even if it asks for nothing."""
        self._note(self._plan.reached, owner)

    # --- asking ----------------------------------------------------------------------------------

    def complete(self, request: Request) -> Answer:
        """Return the answer to a request, or why there is none; waits for this answer only."""
        key = request.key
        answer = self._dispatcher.results.take(key)
        if answer is not None:
            self._note(self._plan.taken, key)
            return answer
        future: Future[Answer] = Future()
        if self._closed or not self._thread.post(self._demand, request, key, future):
            return _over()
        return self._thread.wait_for(future, _over(), self._on_wait)

    def result(self, key: str) -> Any:
        """Return what a job returned, or raise what it raised; KeyError where it is not known, or was asked before.

        CancelledError where the run was cancelled before it ended.
        """
        self._note(self._plan.taken, key)
        future = self.jobs.take(key)
        if future is None:
            raise KeyError(key)
        return wait_for(future)

    def stats(self) -> EngineStats:
        """Return where the run stands."""
        return replace(self._dispatcher.stats(), planned=len(self._plan), expected=self._expected)

    # --- the end ---------------------------------------------------------------------------------

    def cancel(self, reason: str = "the run was stopped") -> None:
        """Send nothing more and give up what is under way; what has arrived is kept and handed out."""
        self._thread.post(self._dispatcher.cancel, reason)
        self.jobs.cancel()

    def close(self) -> None:
        """Cancel, write what has arrived, and end every thread; later calls fail as 'cancelled'."""
        if self._closed:
            return
        self._closed = True
        self.jobs.cancel()
        try:
            self._thread.run(self._dispatcher.aclose())
        finally:
            self._dispatcher.flush()
            self._thread.stop()

    def _note(self, tell: Callable[[str], None], name: str) -> None:
        self._notes.append((tell, name))
        if len(self._notes) >= self._stride:
            self._thread.post(self._tell)

    # --- in the loop's thread --------------------------------------------------------------------

    def _let_out(self, key: str, entry: Entry) -> None:
        if isinstance(entry, Planned):
            self._dispatcher.prefetch(entry.request, key, entry.after)
        else:
            self.jobs.put(key, entry.run)

    def _tell(self) -> None:
        while self._notes:
            tell, name = self._notes.popleft()
            tell(name)

    def _demand(self, request: Request, key: str, future: Future[Answer]) -> None:
        self._tell()
        self._dispatcher.demand(request, key, future)
        self._plan.taken(key)

    def _end_after(self, seconds: float) -> None:
        self._thread.loop.call_later(seconds, self._time_is_over, seconds)

    def _time_is_over(self, seconds: float) -> None:
        self._dispatcher.out_of_time(seconds)
        # Stopping the jobs' loop waits for its thread, and this loop must not.
        self._thread.loop.run_in_executor(None, self.jobs.cancel)


def _over() -> CallFailure:
    return CallFailure(kind="cancelled", message="not sent: the run is over")

"""What snapshots do not answer: asked of this process's own engine, or, in a worker of xdist, of the controller's."""

from __future__ import annotations

import os
import threading
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

    from pytest_llmupgrade.engine.flight import Planned
    from pytest_llmupgrade.engine.jobs import Jobs
    from pytest_llmupgrade.engine.remote import RemoteEngine
    from pytest_llmupgrade.engine.settings import EngineStats
    from pytest_llmupgrade.model import Answer, Request
    from pytest_llmupgrade.plugin.calls import Calls
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.plugin.sharing import Sharing
    from pytest_llmupgrade.prices import Tariffs
    from pytest_llmupgrade.providers.local.serve import LocalServer
    from pytest_llmupgrade.run.summary import CallCounts

_NO_BUDGET = (
    "not sent: this worker cannot reach the process that keeps to --llm-budget; leave out one of the two"
)


class LiveCalls:
    """The live calls of one session; everything costly is made at first use."""

    def __init__(self, config: pytest.Config, session: LlmSession) -> None:
        self._config, self._session = config, session
        self._lock = threading.Lock()
        self._calls: Calls | None = None
        self._sharing: Sharing | None = None
        self._remote: RemoteEngine | None = None
        """In a worker of xdist: the controller's engine, where it can be reached."""
        self._cut_off = False
        """In a worker of xdist that cannot reach the controller."""
        self._server: LocalServer | None = None
        self.local_urls: dict[str, str] = {}
        """Addresses of local models; under xdist they come from the controller."""
        self.on_wait: Callable[[], object] = lambda: None
        """Called now and then while an item waits for its answer."""
        self.elsewhere: list[CallCounts] = []
        """In the controller of xdist: the calls of workers that cannot reach it."""

    def start_local(self, progress: Callable[[str], None]) -> None:
        """Start the server of the local models, once per run; LlmUpgradeError where it cannot."""
        wanted = [
            spec
            for spec in self._session.specs.values()
            if spec.name.startswith("local/") and not spec.base_url and not self._session.replays(spec.name)
        ]
        if not wanted or self.local_urls:
            return
        from pytest_llmupgrade.plugin.preflight import start_local_server

        self._server = start_local_server(wanted, progress)
        self.local_urls = dict(self._server.urls)

    @property
    def alone(self) -> bool:
        """Whether all calls are made by this process, so that no worker of xdist has a part in them."""
        return self._remote is None and not self._cut_off

    def complete(self, request: Request) -> Answer:
        """Answer a request without regard to snapshots; any thread may call it."""
        if self._remote is not None:
            return self._remote.complete(request)
        if self._cut_off and self._session.options.budget_usd is not None:
            from pytest_llmupgrade.model import CallFailure

            return CallFailure(kind="budget", message=_NO_BUDGET)
        return self.calls.engine.complete(request)

    @property
    def calls(self) -> Calls:
        """The one way for every completion, built at first use."""
        with self._lock:
            if self._calls is None:
                self._calls = self._build_calls()
            return self._calls

    def _build_calls(self) -> Calls:
        from pytest_llmupgrade.plugin.calls import Calls, served_at, store_path

        self.start_local(lambda _line: None)
        return Calls(
            self._session.options,
            store_path(self._config, self._session.options),
            served_at(self._session.specs, self.local_urls),
            cost=lambda request, usage: self._session.cost_usd(request.model, usage),
            on_wait=self.on_wait,
        )

    def prefetch(self, items: Sequence[pytest.Item], say: Callable[[str], object]) -> None:
        """Begin to complete what the selected items will ask for; `say` tells the user a line."""
        if self._session.options.snapshots.replay or (
            self._remote is not None and not self._remote.claim_plan()
        ):
            return
        from pytest_llmupgrade.plugin.prefetch import planned_calls, to_plain
        from pytest_llmupgrade.plugin.snapshots import without_recorded

        calls = planned_calls(
            items, self._session.specs, self._session.judge_settings, repeat=self._session.options.repeat
        )
        planned = without_recorded(calls, items, self._session)
        if self._remote is not None:
            self._remote.plan([*map(to_plain, planned)])
        elif not self._cut_off:
            self._begin(list(planned), say)

    def _begin(self, planned: Sequence[Planned], say: Callable[[str], object]) -> None:
        from pytest_llmupgrade.plugin.batching import complete_by_batch, tell_of_open

        if self._session.options.batch:
            complete_by_batch(self._session, planned, say)
        else:
            tell_of_open(self._session, say)
        self.calls.engine.plan(planned)

    @cached_property
    def jobs(self) -> Jobs:
        """What runs a project's own functions."""
        if self._remote is None:
            return self.calls.engine.jobs
        from pytest_llmupgrade.engine.jobs import Jobs

        return Jobs(most=1)

    def reached(self, nodeid: str) -> None:
        """Say that an item is being run, so that the calls ahead of it go on."""
        if self._calls is not None and nodeid in self._session.planned_ids:
            self._calls.engine.reached(nodeid)

    def serve(self) -> tuple[int, str]:
        """Let the workers of xdist ask this process, and return where: port and token."""
        if self._sharing is None:
            from pytest_llmupgrade.plugin.sharing import Sharing

            self._sharing = Sharing(self._session)
        return self._sharing.place

    @property
    def lacks_answers(self) -> bool:
        """Whether answers must be missing: no store has any yet, or none may be used."""
        from pytest_llmupgrade.plugin.calls import store_path

        path = store_path(self._config, self._session.options)
        stored = os.path.exists(path)  # noqa: PTH110  Path's raises for a name that is too long
        unknown = self._session.options.fresh or not stored
        return unknown and not self._session.options.snapshots.replay

    def reach(self, port: int, token: str) -> None:
        """Ask the controller for every completion; a worker that cannot reach it, on another host, calls by itself."""
        from pytest_llmupgrade.engine.remote import RemoteEngine

        self._remote = RemoteEngine.reach(port, token)
        self._cut_off = self._remote is None

    def stop(self) -> None:
        """Send nothing more; what has arrived is kept."""
        if self._calls is not None:
            self._calls.engine.cancel()

    @property
    def has_called(self) -> bool:
        """Whether this process made calls by itself."""
        return self._calls is not None

    def stats(self) -> EngineStats | None:
        """Return where the calls stand; None before there are any."""
        return self._calls.engine.stats() if self._calls is not None else None

    def counts(self) -> CallCounts:
        """Return what the calls came to so far."""
        from pytest_llmupgrade.run.summary import CallCounts

        counts = CallCounts(budget_usd=self._session.options.budget_usd)
        if self._calls is not None:
            stats = self._calls.engine.stats()
            counts += CallCounts(
                live=stats.live + self._calls.batched,
                stored=max(0, stats.stored - self._calls.batched),
                retried=stats.retried,
                spent_usd=stats.spent_usd + self._calls.batched_usd,
                notices=self._calls.notices,
            )
        return sum(self.elsewhere, counts)

    @cached_property
    def tariffs(self) -> Tariffs | None:
        """Where prices are looked up; None: in the catalogue."""
        if self._remote is None:
            return None
        from pytest_llmupgrade.plugin.remote_prices import RemotePrices

        return RemotePrices(self._remote).tariff_of

    def close(self) -> None:
        """End threads, connections and the local server."""
        if self._remote is not None:
            self._remote.close()
        if "jobs" in self.__dict__:
            self.jobs.cancel()
        if self._sharing is not None:
            self._sharing.close()
        if self._calls is not None:
            self._calls.close()
        if self._server is not None:
            self._server.stop()

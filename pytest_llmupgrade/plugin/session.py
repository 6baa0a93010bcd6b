"""What one pytest process knows of its run: settings, models, the calls, the records."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pytest_llmupgrade.variants import variants_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    import pytest

    from pytest_llmupgrade.engine.flight import Planned
    from pytest_llmupgrade.engine.jobs import Jobs
    from pytest_llmupgrade.engine.remote import RemoteEngine
    from pytest_llmupgrade.engine.settings import EngineStats
    from pytest_llmupgrade.judges.llm import JudgeSettings, LlmJudge
    from pytest_llmupgrade.model import Answer, Completion, ModelSpec, Request, Usage
    from pytest_llmupgrade.plugin.ahead import TargetsAhead
    from pytest_llmupgrade.plugin.baseline import Baseline
    from pytest_llmupgrade.plugin.calls import Calls
    from pytest_llmupgrade.plugin.options import Options
    from pytest_llmupgrade.plugin.sharing import Sharing
    from pytest_llmupgrade.prices import Tariffs
    from pytest_llmupgrade.providers.local.serve import LocalServer
    from pytest_llmupgrade.run.record import Journal
    from pytest_llmupgrade.run.summary import CallCounts
    from pytest_llmupgrade.settings import Settings
    from pytest_llmupgrade.snapshots.book import Book
    from pytest_llmupgrade.variants import Variant


NO_JUDGE_MODEL = (
    "llm_judge needs a model: pass --llm-judge-model=MODEL, or set model = ... in [tool.llmupgrade.judge]"
)

_NO_BUDGET = (
    "not sent: this worker cannot reach the process that keeps to --llm-budget; leave out one of the two"
)


class LlmSession:
    """The state of one process; everything costly in it is made at first use."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self.options = options
        self._config = config
        self._lock = threading.Lock()
        self._calls: Calls | None = None
        self._sharing: Sharing | None = None
        self._alone = False
        """In a worker of xdist that cannot reach the controller."""
        self.remote: RemoteEngine | None = None
        """In a worker of xdist: the controller's engine, where it can be reached."""
        self._server: LocalServer | None = None
        self.local_urls: dict[str, str] = {}
        """Addresses of local models; under xdist they come from the controller."""
        self.on_wait: Callable[[], object] = lambda: None
        """Called now and then while an item waits for its answer."""
        self.elsewhere: list[CallCounts] = []
        """In the controller of xdist: the calls of workers that cannot reach it."""
        self.outcomes: dict[tuple[str, str], bool | None] = {}
        """Whether a case passed in a column, by case key and column; None: it could not be judged."""
        self.planned: dict[str, int] = {}
        """Selected items by column."""
        self.planned_ids: dict[str, str] = {}
        """Column by node id, of the eval items that are planned and not recorded yet."""

    @cached_property
    def settings(self) -> Settings:
        """`[tool.llmupgrade]` of the root's pyproject.toml."""
        from pytest_llmupgrade.settings import load_settings

        return load_settings(self._config.rootpath / "pyproject.toml")

    @property
    def root(self) -> Path:
        """Where pyproject.toml is."""
        return self._config.rootpath

    @cached_property
    def specs(self) -> Mapping[str, ModelSpec]:
        """Every model of the run by name, the judge's included."""
        names = [*self.options.models, *([self.judge_model] if self.judge_model else [])]
        # A server that the environment names is part of what is asked, so that answers of two are never mixed up.
        default = os.environ.get("OPENAI_BASE_URL") or None
        specs = {name: self.settings.spec(name) for name in names}
        return {
            name: spec if spec.base_url or name.startswith("local/") else replace(spec, base_url=default)
            for name, spec in specs.items()
        }

    @cached_property
    def columns(self) -> Mapping[str, Variant]:
        """The run's columns by name, the incumbent first unless a kept run stands for it."""
        kept = self.options.kept.baseline is not None
        found = variants_of(self.options.models, self.options.prompts, incumbent_kept=kept)
        return {variant.name: variant for variant in found}

    @cached_property
    def judge_model(self) -> str | None:
        """The model behind `llm_judge`."""
        return self.options.judge_model or self.settings.judge.model

    @cached_property
    def journal(self) -> Journal:
        """The records of this run."""
        from pytest_llmupgrade.plugin.kept import open_journal

        return open_journal(self._config, self)

    @cached_property
    def baseline(self) -> Baseline | None:
        """The kept run that stands in for the incumbent; LlmUpgradeError where it cannot."""
        name = self.options.kept.baseline
        if name is None:
            return None
        from pytest_llmupgrade.plugin.baseline import load

        return load(self._config, self, name)

    @property
    def has_records(self) -> bool:
        """Whether anything was recorded."""
        return "journal" in self.__dict__ and bool(self.journal.rows)

    def check(self) -> None:
        """Raise LlmUpgradeError for settings or models that cannot work, before anything runs."""
        from pytest_llmupgrade.plugin.failing import check_gate
        from pytest_llmupgrade.plugin.preflight import check_models

        check_gate(self)
        asked = [*self.options.models, *filter(None, [self.options.judge_model])]
        check_models([self.specs[name] for name in asked if not self.replays(name)])
        if self.options.budget_usd is not None:
            from pytest_llmupgrade.model import Usage
            from pytest_llmupgrade.plugin.calls import check_budget

            one = Usage(input_tokens=1, output_tokens=1)
            check_budget(self.specs, lambda name: self.cost_usd(name, one))

    def start_local(self, progress: Callable[[str], None]) -> None:
        """Start the server of the local models, once per run; LlmUpgradeError where it cannot."""
        wanted = [
            spec
            for spec in self.specs.values()
            if spec.name.startswith("local/") and not spec.base_url and not self.replays(spec.name)
        ]
        if not wanted or self.local_urls:
            return
        from pytest_llmupgrade.plugin.preflight import start_local_server

        self._server = start_local_server(wanted, progress)
        self.local_urls = dict(self._server.urls)

    def complete(self, request: Request, *, judging: bool = False) -> Answer:
        """Answer a request, from a snapshot or live; failures are values."""
        return self.book.complete(request, self.live, judging=judging)

    @cached_property
    def book(self) -> Book:
        """The snapshots of this run."""
        from pytest_llmupgrade.plugin.snapshots import make_book

        return make_book(self._config, self)

    def replays(self, model: str) -> bool:
        """Whether a model's answers come from snapshots, so that it needs neither key nor server."""
        return self.options.snapshots.replay or model in self.gone

    @cached_property
    def gone(self) -> frozenset[str]:
        """The models that are declared or known to be shut down."""
        from pytest_llmupgrade.deadlines.retired import gone_models

        return gone_models(self.specs.values())

    @property
    def calls_alone(self) -> bool:
        """Whether all calls are made by this process, so that no worker of xdist has a part in them."""
        return self.remote is None and not self._alone

    @cached_property
    def targets(self) -> TargetsAhead:
        """The project's own functions, run ahead."""
        from pytest_llmupgrade.plugin.ahead import TargetsAhead

        return TargetsAhead(self)

    def live(self, request: Request) -> Answer:
        """Answer a request without regard to snapshots; any thread may call it."""
        if self.remote is not None:
            return self.remote.complete(request)
        if self._alone and self.options.budget_usd is not None:
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
            self.options,
            store_path(self._config, self.options),
            served_at(self.specs, self.local_urls),
            cost=lambda request, usage: self.cost_usd(request.model, usage),
            on_wait=self.on_wait,
        )

    def prefetch(self, items: Sequence[pytest.Item], say: Callable[[str], object]) -> None:
        """Begin to complete what the selected items will ask for; `say` tells the user a line."""
        if self.options.snapshots.replay or (self.remote is not None and not self.remote.claim_plan()):
            return
        from pytest_llmupgrade.plugin.prefetch import planned_calls, to_plain
        from pytest_llmupgrade.plugin.snapshots import without_recorded

        calls = planned_calls(items, self.specs, self.judge_settings, repeat=self.options.repeat)
        planned = without_recorded(calls, items, self)
        if self.remote is not None:
            self.remote.plan([*map(to_plain, planned)])
        elif not self._alone:
            self._begin(list(planned), say)

    def _begin(self, planned: Sequence[Planned], say: Callable[[str], object]) -> None:
        from pytest_llmupgrade.plugin.batching import complete_by_batch, tell_of_open

        if self.options.batch:
            complete_by_batch(self, planned, say)
        else:
            tell_of_open(self, say)
        self.calls.engine.plan(planned)

    @cached_property
    def jobs(self) -> Jobs:
        """What runs a project's own functions."""
        if self.remote is None:
            return self.calls.engine.jobs
        from pytest_llmupgrade.engine.jobs import Jobs

        return Jobs(most=1)

    def reached(self, nodeid: str) -> None:
        """Say that an item is being run, so that the calls ahead of it go on."""
        if self._calls is not None and nodeid in self.planned_ids:
            self._calls.engine.reached(nodeid)

    def serve_calls(self) -> tuple[int, str]:
        """Let the workers of xdist ask this process, and return where: port and token."""
        if self._sharing is None:
            from pytest_llmupgrade.plugin.sharing import Sharing

            self._sharing = Sharing(self)
        return self._sharing.place

    @property
    def lacks_answers(self) -> bool:
        """Whether answers must be missing: no store has any yet, or none may be used."""
        from pytest_llmupgrade.plugin.calls import store_path

        unknown = self.options.fresh or not store_path(self._config, self.options).exists()
        return unknown and not self.options.snapshots.replay

    def reach_calls(self, port: int, token: str) -> None:
        """Ask the controller for every completion; a worker that cannot reach it, on another host, calls by itself."""
        from pytest_llmupgrade.engine.remote import RemoteEngine

        self.remote = RemoteEngine.reach(port, token)
        self._alone = self.remote is None

    def stop_calls(self) -> None:
        """Send nothing more; what has arrived is kept."""
        if self._calls is not None:
            self._calls.engine.cancel()

    @property
    def has_called(self) -> bool:
        """Whether this process made calls by itself."""
        return self._calls is not None

    def call_stats(self) -> EngineStats | None:
        """Return where the calls stand; None before there are any."""
        return self._calls.engine.stats() if self._calls is not None else None

    def call_counts(self) -> CallCounts:
        """Return what the calls came to so far."""
        from pytest_llmupgrade.run.summary import CallCounts

        counts = CallCounts(budget_usd=self.options.budget_usd)
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

    def cost_usd(self, model: str, usage: Usage | None, *, batch: bool = False) -> Decimal | None:
        """Return what a call cost, None where no price is known."""
        from pytest_llmupgrade.prices import cost_usd

        return cost_usd(self.specs[model], usage, batch=batch, tariffs=self._tariffs)

    @cached_property
    def _tariffs(self) -> Tariffs | None:
        """Where prices are looked up; None: in the catalogue."""
        if self.remote is None:
            return None
        from pytest_llmupgrade.plugin.remote_prices import RemotePrices

        return RemotePrices(self.remote).tariff_of

    def completion_cost_usd(self, model: str, completion: Completion) -> Decimal | None:
        """Return what a completion cost by the way it came, None where no price is known."""
        return self.cost_usd(model, completion.usage, batch=completion.batch)

    @cached_property
    def judge_settings(self) -> JudgeSettings | None:
        """How `llm_judge` asks; None where no model is declared for it."""
        if self.judge_model is None:
            return None
        from pytest_llmupgrade.judges.llm import JudgeSettings

        table = self.settings.judge
        return JudgeSettings(
            model=self.specs[self.judge_model],
            prompt=table.prompt,
            votes=table.votes,
            structured=table.structured,
        )

    def llm_judge(self) -> LlmJudge:
        """Return the judge `llm_judge`; LlmUpgradeError where no model is declared for it."""
        if self.judge_settings is None:
            from pytest_llmupgrade.errors import LlmUpgradeError

            raise LlmUpgradeError(NO_JUDGE_MODEL)
        from pytest_llmupgrade.judges.llm import LlmJudge

        return LlmJudge(self.judge_settings, partial(self.complete, judging=True))

    def plan(self, items: Iterable[tuple[str, str]]) -> None:
        """Count the planned items: (node id, column)."""
        for nodeid, column in items:
            self.planned[column] = self.planned.get(column, 0) + 1
            self.planned_ids[nodeid] = column

    def close(self) -> None:
        """End threads, connections and the local server."""
        if self.remote is not None:
            self.remote.close()
        if "jobs" in self.__dict__:
            self.jobs.cancel()
        if self._sharing is not None:
            self._sharing.close()
        if self._calls is not None:
            self._calls.close()
        if self._server is not None:
            self._server.stop()
        if "journal" in self.__dict__:
            self.journal.close()

"""What one pytest process knows of its run: settings, models, the completer, the records."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal

    import pytest

    from pytest_llmupgrade.judges.llm import LlmJudge
    from pytest_llmupgrade.model import Answer, Completer, ModelSpec, Request, Usage
    from pytest_llmupgrade.plugin.options import Options
    from pytest_llmupgrade.providers.local.serve import LocalServer
    from pytest_llmupgrade.run.record import Journal
    from pytest_llmupgrade.settings import Settings


NO_JUDGE_MODEL = (
    "llm_judge needs a model: pass --llm-judge-model=MODEL, or set model = ... in [tool.llmupgrade.judge]"
)


class LlmSession:
    """The state of one process; everything costly in it is made at first use."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self.options = options
        self._config = config
        self._lock = threading.Lock()
        self._completer: Completer | None = None
        self._server: LocalServer | None = None
        self.local_urls: dict[str, str] = {}
        """Addresses of local models; under xdist they come from the controller."""
        self.planned: dict[str, int] = {}
        """Selected items by model."""
        self.planned_ids: dict[str, str] = {}
        """Model by node id, of the eval items that are planned and not recorded yet."""

    @cached_property
    def settings(self) -> Settings:
        """`[tool.llmupgrade]` of the root's pyproject.toml."""
        from pytest_llmupgrade.settings import load_settings

        return load_settings(self._config.rootpath / "pyproject.toml")

    @cached_property
    def specs(self) -> Mapping[str, ModelSpec]:
        """Every model of the run by name, the judge's included."""
        names = [*self.options.models, *([self.judge_model] if self.judge_model else [])]
        return {name: self.settings.spec(name) for name in names}

    @cached_property
    def judge_model(self) -> str | None:
        """The model behind `llm_judge`."""
        return self.options.judge_model or self.settings.judge.model

    @cached_property
    def journal(self) -> Journal:
        """The records of this run."""
        from pytest_llmupgrade.run.record import Journal

        return Journal()

    def check(self) -> None:
        """Raise LlmUpgradeError for settings or models that cannot work, before anything runs."""
        from pytest_llmupgrade.plugin.preflight import check_models

        asked = [*self.options.models, *filter(None, [self.options.judge_model])]
        check_models([self.specs[name] for name in asked])

    def start_local(self, progress: Callable[[str], None]) -> None:
        """Start the server of the local models, once per run; LlmUpgradeError where it cannot."""
        wanted = [
            spec for spec in self.specs.values() if spec.name.startswith("local/") and not spec.base_url
        ]
        if not wanted or self.local_urls:
            return
        from pytest_llmupgrade.plugin.preflight import start_local_server

        self._server = start_local_server(wanted, progress)
        self.local_urls = dict(self._server.urls)

    def complete(self, request: Request) -> Answer:
        """Answer a request; failures are values."""
        return self.completer.complete(request)

    @property
    def completer(self) -> Completer:
        """The one way for every completion, built at first use."""
        with self._lock:
            if self._completer is None:
                self._completer = self._build_completer()
            return self._completer

    def _build_completer(self) -> Completer:
        from dataclasses import replace

        from pytest_llmupgrade.providers.adapting import AdaptingProvider
        from pytest_llmupgrade.providers.openai_chat import OpenAIProvider
        from pytest_llmupgrade.providers.sequential import SequentialCompleter

        self.start_local(lambda _line: None)
        specs = {
            name: replace(spec, base_url=self.local_urls.get(name, spec.base_url))
            for name, spec in self.specs.items()
        }
        return SequentialCompleter(AdaptingProvider(OpenAIProvider()), specs)

    def cost_usd(self, model: str, usage: Usage | None) -> Decimal | None:
        """Return what a call cost, None where no price is known."""
        from pytest_llmupgrade.prices import cost_usd

        return cost_usd(self.specs[model], usage)

    def llm_judge(self) -> LlmJudge:
        """Return the judge `llm_judge`; LlmUpgradeError where no model is declared for it."""
        from pytest_llmupgrade.judges.llm import JudgeSettings, LlmJudge

        if self.judge_model is None:
            from pytest_llmupgrade.errors import LlmUpgradeError

            raise LlmUpgradeError(NO_JUDGE_MODEL)
        table = self.settings.judge
        settings = JudgeSettings(
            model=self.specs[self.judge_model],
            prompt=table.prompt,
            votes=table.votes,
            structured=table.structured,
        )
        return LlmJudge(settings, self.complete)

    def plan(self, items: Iterable[tuple[str, str]]) -> None:
        """Count the planned items: (node id, model)."""
        for nodeid, model in items:
            self.planned[model] = self.planned.get(model, 0) + 1
            self.planned_ids[nodeid] = model

    def close(self) -> None:
        """End threads, connections and the local server."""
        if self._completer is not None:
            self._completer.close()
        if self._server is not None:
            self._server.stop()
        if "journal" in self.__dict__:
            self.journal.close()

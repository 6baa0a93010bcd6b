"""What one pytest process knows of its run: settings, models, snapshots, prices, the records."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pytest_llmupgrade.plugin.live import LiveCalls
from pytest_llmupgrade.variants import variants_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from pathlib import Path

    import pytest

    from pytest_llmupgrade.judges.llm import JudgeSettings, LlmJudge
    from pytest_llmupgrade.model import Answer, Completion, ModelSpec, Request, Usage
    from pytest_llmupgrade.plugin.ahead import TargetsAhead
    from pytest_llmupgrade.plugin.baseline import Baseline
    from pytest_llmupgrade.plugin.options import Options
    from pytest_llmupgrade.run.record import Journal
    from pytest_llmupgrade.settings import Settings
    from pytest_llmupgrade.snapshots.book import Book
    from pytest_llmupgrade.variants import Variant


NO_JUDGE_MODEL = (
    "llm_judge needs a model: pass --llm-judge-model=MODEL, or set model = ... in [tool.llmupgrade.judge]"
)


class LlmSession:
    """The state of one process; everything costly in it is made at first use."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self.options = options
        self._config = config
        self.live = LiveCalls(config, self)
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

    def check_settings(self) -> None:
        """Raise LlmUpgradeError for settings that cannot be read, and for models that are misspelt."""
        from pytest_llmupgrade.plugin.preflight import check_names

        check_names(self.settings, self.specs.values())

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

    def complete(self, request: Request, *, judging: bool = False) -> Answer:
        """Answer a request, from a snapshot or live; failures are values."""
        return self.book.complete(request, self.live.complete, judging=judging)

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

    @cached_property
    def targets(self) -> TargetsAhead:
        """The project's own functions, run ahead."""
        from pytest_llmupgrade.plugin.ahead import TargetsAhead

        return TargetsAhead(self)

    def cost_usd(self, model: str, usage: Usage | None, *, batch: bool = False) -> Decimal | None:
        """Return what a call cost, None where no price is known."""
        from pytest_llmupgrade.prices import cost_usd

        return cost_usd(self.specs[model], usage, batch=batch, tariffs=self.live.tariffs)

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
        self.live.close()
        if "journal" in self.__dict__:
            self.journal.close()

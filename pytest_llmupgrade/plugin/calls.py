"""The one way for every completion of a process: the engine, and the store behind it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.settings import EngineSettings
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.plugin.cache import cache_folder
from pytest_llmupgrade.providers.adapt import adaptation_from_json
from pytest_llmupgrade.providers.adapting import AdaptingProvider
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider
from pytest_llmupgrade.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

    from pytest_llmupgrade.engine.settings import EngineEvent
    from pytest_llmupgrade.model import ModelSpec, Request, Usage
    from pytest_llmupgrade.plugin.options import Options
    from pytest_llmupgrade.providers.adapt import Adaptation
    from pytest_llmupgrade.providers.adapting import Place

_FILE = "answers.sqlite3"


class Calls:
    """An engine with its store, made and ended together."""

    def __init__(
        self,
        options: Options,
        path: Path,
        specs: Mapping[str, ModelSpec],
        *,
        cost: Callable[[Request, Usage | None], Decimal | None],
        on_wait: Callable[[], object],
    ) -> None:
        self.store = Store.open(path, fresh=options.fresh)
        self._events: list[str] = []
        self.batched = 0
        """Answers that came by batch: they were stored before the engine looked for them."""
        self.batched_usd = Decimal(0)
        self.provider = AdaptingProvider(
            OpenAIProvider(), learnt=_learnt(self.store), on_learnt=self._remember_adaptation
        )
        self.engine = Engine(
            self.provider,
            specs,
            self.store,
            engine_settings(options),
            cost=cost,
            on_event=self._hear,
            on_wait=on_wait,
        )

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should hear once, in order."""
        return (*self.store.notices, *self._events)

    def close(self) -> None:
        """End the engine, then close the store."""
        self.engine.close()
        self.store.close()

    def _hear(self, event: EngineEvent) -> None:
        self._events.append(event.message)

    def _remember_adaptation(self, place: Place, adaptation: Adaptation) -> None:
        self.store.remember_adaptation(place, adaptation.to_json())


def _learnt(store: Store) -> dict[Place, tuple[Adaptation, ...]]:
    """Return what earlier runs found models to refuse; what a newer version wrote is left out."""
    return {
        place: tuple(filter(None, map(adaptation_from_json, plain)))
        for place, plain in store.adaptations().items()
    }


def engine_settings(options: Options) -> EngineSettings:
    """Return the engine's settings as the command line asks for them."""
    return EngineSettings(
        concurrency=options.concurrency, budget_usd=options.budget_usd, deadline_s=options.deadline_s
    )


def store_path(config: pytest.Config, options: Options) -> Path:
    """Return where answers are kept: `--llm-store`, else in pytest's cache folder."""
    if options.store is not None:
        return options.store
    return cache_folder(config) / _FILE


def served_at(specs: Mapping[str, ModelSpec], urls: Mapping[str, str]) -> dict[str, ModelSpec]:
    """Return the specs as the engine calls them: local models at this run's address, one call at a time."""
    return {
        name: replace(spec, base_url=urls[name], concurrency=spec.concurrency or 1) if name in urls else spec
        for name, spec in specs.items()
    }


def check_budget(specs: Mapping[str, ModelSpec], price: Callable[[str], Decimal | None]) -> None:
    """Raise UsageError where a model has no price: a cap on unknown costs would cap nothing."""
    unpriced = [name for name in specs if price(name) is None]
    if unpriced:
        tables = ", ".join(f'[tool.llmupgrade.models."{name}"]' for name in unpriced)
        raise UsageError(
            f"--llm-budget: no price is known of {', '.join(unpriced)}; "
            f"set price = {{input = ..., output = ...}} in {tables}"
        )

"""How the engine is set, what it counts, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

EventKind: TypeAlias = Literal[
    "paused",  # a model's server asked to wait
    "broken",  # a model is not called any more
    "budget",  # the money is spent, or reckoned
    "deadline",  # the time is over
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What a run allows."""

    concurrency: int = 32
    """The most calls in flight for each model."""
    window: int | None = None
    """How many planned entries are completed ahead of the one being executed; None: 4 x concurrency."""
    probe_s: float = 2.0
    """How long a model's first call goes alone, so that a bad key or a refused parameter is met once, not 32 times."""
    requests_per_minute: float | None = None
    """For each model."""
    tokens_per_minute: float | None = None
    """For each model, input and output together."""
    max_attempts: int = 5
    """Tries of one call, the first included."""
    max_rate_limited: int = 10
    """How often one call may be turned away with 429; such tries are no part of `max_attempts`."""
    retry_share: float = 0.2
    """Retries allowed for each call made, beyond `retry_reserve`."""
    retry_reserve: int = 10
    """Retries allowed from the start."""
    budget_usd: Decimal | None = None
    deadline_s: float | None = None
    """Seconds from the engine's start, after which nothing more is sent."""

    @property
    def ahead(self) -> int:
        """The window's size in entries."""
        return 4 * self.concurrency if self.window is None else self.window


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """Where a run stands."""

    planned: int = 0
    """Entries of the plan."""
    expected: int = 0
    """Calls that the plan will make, those after an answer included."""
    live: int = 0
    """Completions that the provider gave in this run."""
    stored: int = 0
    """Completions that the store had from an earlier run."""
    failed: int = 0
    """Calls without an answer, cancelled ones apart."""
    retried: int = 0
    """Tries beyond each call's first."""
    in_flight: int = 0
    spent_usd: Decimal = field(default=Decimal(0))
    unpriced: int = 0
    """Paid calls whose price is unknown; `spent_usd` lacks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEvent:
    """Something that a user should hear once."""

    kind: EventKind
    message: str

"""What `rollout.yaml` says, as frozen values; `loading.py` makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.model import Price

ArmName: TypeAlias = Literal["old", "new"]
Mode: TypeAlias = Literal["live", "shadow"]
Role: TypeAlias = Literal["guardrail", "signal"]
OnInconclusive: TypeAlias = Literal["hold", "extend", "rollback", "promote"]
Fsync: TypeAlias = Literal["never", "minute", "always"]
EventSource: TypeAlias = Literal["error", "latency", "first_token", "rating"]
MeanSource: TypeAlias = Literal["cost_usd", "latency_ms", "first_token_ms", "input_tokens", "output_tokens"]
FailureName: TypeAlias = Literal[
    "timeout", "rate_limit", "5xx", "connection", "auth", "bad_request", "not_found", "other"
]
"""How a call failed, by what the exception says; `breaker` is beside them in the records: not called at all."""

ARMS: tuple[ArmName, ...] = ("old", "new")
KILL_ENV = "LLMUPGRADE_ROLLOUT_KILL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of the rollout."""

    model: str
    prompt: str | None = None
    """A name in prompts.yaml."""
    price: Price | None = None
    """None: looked up by model name; unknown there means unpriced."""
    base_url: str | None = None
    """For the price only: where calls go is decided by the product's own client."""
    retries: int = 0
    """Further tries after a failure that `retry_on` names, before the fallback."""
    retry_on: frozenset[str] = frozenset()
    backoff_s: float = 0.2
    """Before the first further try; doubled for each one after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A share of the traffic, and which harm must be excluded before the next step."""

    percent: float
    min_duration_s: float = 0.0
    max_ratio: float | None = None
    """The failures of the new arm, as a multiple of the old one's, that the evidence must exclude; None in the last step."""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMetric:
    """A share of units that something bad happened to."""

    name: str
    source: EventSource
    threshold_ms: float | None = None
    """For `latency` and `first_token`: what is longer is bad."""
    role: Role = "guardrail"
    max_ratio: float | None = None
    """Replaces the step's for this metric."""
    max_share: float | None = None
    """A share of the new arm's units, 0 to 1: evidence that fewer fail is enough, whatever the old arm does."""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanMetric:
    """A quantity whose mean per request must not rise too far."""

    name: str
    source: MeanSource
    max_ratio: float
    role: Role = "signal"
    line: int = 0


Metric: TypeAlias = EventMetric | MeanMetric


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """When the new arm's calls are not even tried."""

    window_s: float = 60.0
    min_requests: int = 10
    error_share: float = 0.5
    cooldown_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Where the records go."""

    path: str
    """A folder, as written; relative to the folder of rollout.yaml."""
    fsync: Fsync = "minute"
    rotate_bytes: int = 64_000_000
    keep: int | None = None
    """Event files that a process keeps, the open one included; None: all. Rollups are never removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRule:
    """How many calls of the new arm may wait and run beside the product's own."""

    queue: int = 100
    workers: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A rollout as declared: the desired state."""

    id: str
    """A new id is a new rollout: new buckets, and a latched rollback is forgotten."""
    unit: str
    """What sticks to an arm: `conversation`, `user`, or `request` for none."""
    mode: Mode
    arms: Mapping[ArmName, Arm]
    percent: float
    """Of the units, to the new arm."""
    steps: tuple[Step, ...]
    metrics: tuple[Metric, ...]
    sink: Sink
    fallback_on: frozenset[str] = frozenset()
    breaker: BreakerRule = field(default_factory=BreakerRule)
    shadow: ShadowRule = field(default_factory=ShadowRule)
    on_inconclusive: OnInconclusive = "hold"
    max_age_s: float = 3600.0
    """Records older than this are no evidence for going on."""
    evidence: str | None = None
    """The decision file of an offline run; relative to the folder of rollout.yaml."""
    kill_env: str = KILL_ENV
    """An environment variable that, when set to anything but '', '0' or 'false', stops the new arm."""
    kill_file: str | None = None
    """A file that stops the new arm by being there; None: `KILL` in the sink."""
    record_text: bool = False
    otel: bool = False
    file: str = "rollout.yaml"
    """As the user would write it."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """By top-level key: where it stands, for messages."""

    @property
    def event_metrics(self) -> tuple[EventMetric, ...]:
        """The metrics that count units."""
        return tuple(metric for metric in self.metrics if isinstance(metric, EventMetric))

    @property
    def mean_metrics(self) -> tuple[MeanMetric, ...]:
        """The metrics that compare means."""
        return tuple(metric for metric in self.metrics if isinstance(metric, MeanMetric))

    def step_of(self, percent: float) -> Step | None:
        """Return the declared step with that percentage."""
        return next((step for step in self.steps if step.percent == percent), None)

"""The format of `rollout.yaml` as strict models: parsed once at the edge, never handed on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_llmupgrade.rollout.config import KILL_ENV

DURATION = r"^[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d)$"
SIZE = r"^[1-9][0-9]{0,5}(kB|MB|GB)$"
Duration = Annotated[str, Field(pattern=DURATION, description="such as 500ms, 30s, 5m, 24h or 7d")]
Ratio = Annotated[float, Field(gt=1, le=100, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Kind = Literal["timeout", "rate_limit", "5xx", "connection", "auth", "bad_request", "not_found", "other"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
PathText = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class RolloutWire(_Strict):
    """Which rollout this is."""

    id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="a new id is a new rollout: new buckets, and a rollback is forgotten",
    )
    unit: Literal["conversation", "user", "session", "request"] = Field(
        default="conversation", description="what sticks to an arm"
    )
    mode: Literal["live", "shadow"] = Field(default="live", description="shadow: the new arm answers nobody")


class PriceWire(_Strict):
    """USD per million tokens."""

    input: Money
    output: Money
    cached_input: Money | None = None


class ArmWire(_Strict):
    """One side of the rollout."""

    model: Name
    prompt: Name | None = Field(default=None, description="a name in prompts.yaml")
    price: PriceWire | None = Field(default=None, description="USD per million tokens; else looked up")
    base_url: Name | None = Field(default=None, description="for the price of another provider's model")
    retries: int = Field(default=0, ge=0, le=5, description="further tries before the fallback")
    retry_on: list[Kind] = Field(default=["rate_limit", "5xx", "connection"])
    backoff: Duration = "200ms"


class ArmsWire(_Strict):
    """Both sides."""

    old: ArmWire
    new: ArmWire


class StepWire(_Strict):
    """A share of the traffic, and what must be excluded before the next."""

    percent: Percent
    min_duration: Duration | None = None
    max_ratio: Ratio | None = Field(
        default=None, description="failures as a multiple of the old arm's that must be excluded"
    )


class MetricWire(_Strict):
    """What is watched: `event` counts units that something bad happened to, `mean` compares a quantity."""

    type: Literal["event", "mean"]
    source: (
        Literal[
            "error",
            "latency",
            "first_token",
            "rating",
            "cost_usd",
            "latency_ms",
            "first_token_ms",
            "input_tokens",
            "output_tokens",
        ]
        | None
    ) = Field(
        default=None, description="default: the metric's own name, or latency where threshold_ms is set"
    )
    threshold_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    role: Literal["guardrail", "signal"] | None = Field(
        default=None, description="a guardrail rolls back, a signal holds; default: guardrail for event"
    )
    max_ratio: Ratio | None = None
    max_share: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = Field(
        default=None,
        description="of an event: evidence that fewer of the new arm's units fail is enough by itself",
    )


class FallbackWire(_Strict):
    """Which failures of the new arm the old one answers instead."""

    on: list[Kind]


class BreakerWire(_Strict):
    """When the new arm's calls are not even tried."""

    window: Duration = "60s"
    min_requests: int = Field(default=10, ge=1)
    error_share: float = Field(default=0.5, gt=0, le=1)
    cooldown: Duration = "30s"


class ShadowWire(_Strict):
    """What may wait and run beside the product's own calls."""

    queue: int = Field(default=100, ge=1, le=100_000)
    workers: int = Field(default=4, ge=1, le=256)


class SinkWire(_Strict):
    """Where the records go."""

    path: PathText = Field(description="a folder, relative to this file")
    fsync: Literal["never", "minute", "always"] = "minute"
    rotate: Annotated[str, Field(pattern=SIZE)] = "64MB"
    keep: int | None = Field(default=None, ge=1, description="event files that a process keeps; default: all")


class KillWire(_Strict):
    """What stops the new arm at once."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = KILL_ENV
    file: PathText | None = Field(default=None, description="default: KILL in the sink's folder")


class FileWire(_Strict):
    """A rollout."""

    rollout: RolloutWire
    arms: ArmsWire
    percent: Percent = Field(description="of the units, to the new arm: the line that a pull request changes")
    steps: list[StepWire] = Field(min_length=1)
    metrics: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], MetricWire] = Field(min_length=1)
    fallback: FallbackWire = FallbackWire(on=[])
    breaker: BreakerWire = Field(default_factory=BreakerWire)
    shadow: ShadowWire = Field(default_factory=ShadowWire)
    on_inconclusive: Literal["hold", "extend", "rollback", "promote"] = "hold"
    max_age: Duration = "1h"
    sink: SinkWire
    evidence: PathText | None = Field(
        default=None, description="the decision file of an offline run, relative to this file"
    )
    kill: KillWire = Field(default_factory=KillWire)
    record_text: bool = Field(default=False, description="keep prompts and answers, too; off: only figures")
    otel: bool = Field(default=False, description="report through OpenTelemetry, too (extra: otel)")


def rollout_schema() -> dict[str, Any]:
    """Return the JSON Schema (Draft 2020-12) of `rollout.yaml`; the package ships it as data/rollout.schema.json."""
    schema = FileWire.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "pytest-llmupgrade rollout file"
    return schema

"""A rollout's events through the OpenTelemetry API, by the names of its GenAI conventions (package semconv 0.66b2, schema 1.44).

Metrics are recorded in the writer's thread; only the current span is marked in the request's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_llmupgrade.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

    from pytest_llmupgrade.rollout.config import Rollout
    from pytest_llmupgrade.rollout.events import Decision, Event

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4**power for power in range(14))
"""Both as the conventions advise."""


class Telemetry:
    """The instruments, and what is recorded with them."""

    def __init__(self, rollout: Rollout) -> None:
        meter = _meter(rollout.file)
        self._providers = {arm.model: _provider(arm.base_url) for arm in rollout.arms.values()}
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._first = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="Time to receive the first chunk.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._cost = meter.create_counter("llmupgrade.cost", unit="{USD}", description="What calls cost.")
        self._ratings = meter.create_counter(
            "llmupgrade.ratings", unit="{rating}", description="Ratings of answers."
        )

    def __call__(self, event: Event) -> None:
        """Record an event."""
        flag = {"feature_flag.key": event["rollout"], "feature_flag.result.variant": event["arm"]}
        if event["type"] == "rating":
            self._ratings.add(1, {**flag, "llmupgrade.rating.good": event["good"]})
        elif not event.get("cancelled"):
            self._call(event, flag)

    def _call(self, event: Event, flag: dict[str, Any]) -> None:
        model = event["model"]
        attributes = {
            **flag,
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self._providers.get(model, "openai"),
            "gen_ai.request.model": model,
        }
        failed = {"error.type": event["error"]} if "error" in event else {}
        self._duration.record(event["ms"] / 1000, {**attributes, **failed})
        if "first_token_ms" in event:
            self._first.record(event["first_token_ms"] / 1000, attributes)
        if "tokens" in event:
            self._tokens.record(event["tokens"][0], {**attributes, "gen_ai.token.type": "input"})
            self._tokens.record(event["tokens"][2], {**attributes, "gen_ai.token.type": "output"})
        if "cost_usd" in event:
            self._cost.add(float(event["cost_usd"]), attributes)

    def mark_span(self, decision: Decision) -> None:
        """Say on the current span which arm a request was given."""
        from opentelemetry import trace

        span = trace.get_current_span()
        if span.is_recording():
            span.set_attribute("feature_flag.key", decision.rollout.id)
            span.set_attribute("feature_flag.result.variant", decision.arm)


def telemetry_of(rollout: Rollout) -> Telemetry | None:
    """Return what a rollout reports with; None where it does not ask for it."""
    return Telemetry(rollout) if rollout.otel else None


def _meter(file: str) -> Meter:
    try:
        from opentelemetry.metrics import get_meter
    except ImportError:
        raise UsageError(
            f"{file}: otel: true needs OpenTelemetry: pip install 'pytest-llmupgrade[otel]'"
        ) from None
    return get_meter("pytest_llmupgrade")


def _provider(base_url: str | None) -> str:
    """Return who serves a model: the host, where the price says that it is not OpenAI."""
    return (urlsplit(base_url).hostname or "unknown") if base_url else "openai"

"""The events of a rollout as plain JSON values: one line each, figures only.

call     one request: the arm assigned and the arm that served it, times, tokens, cost, what went wrong
rating   what a user thought of a call's answer
shadow   both arms' answer to one request, nobody having seen the new one
lost     how many events could not be written
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_llmupgrade.model import ModelSpec
from pytest_llmupgrade.prices import cost_usd
from pytest_llmupgrade.providers.reading_usage import chat_usage, responses_usage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from pytest_llmupgrade.model import Usage
    from pytest_llmupgrade.rollout.config import Arm, ArmName, EventMetric, Mode, Rollout

VERSION = 1
Event: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True)
class Decision:
    """Which arm a request goes to, and under which name it is counted."""

    arm: ArmName
    """The arm assigned: what the product should call."""
    call_id: str
    """For `rate`, and for the product's own logs."""
    unit: int
    """The hash of the unit."""
    step: float
    """The percentage in force, 0 while the new arm is stopped."""
    mode: Mode
    rollout: Rollout

    @property
    def model(self) -> str:
        """The model of the arm assigned."""
        return self.rollout.arms[self.arm].model

    @property
    def prompt(self) -> str | None:
        """The prompt of the arm assigned, a name in prompts.yaml."""
        return self.rollout.arms[self.arm].prompt


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a request ended, as the request's own thread leaves it; the rest is worked out elsewhere."""

    decision: Decision
    at_ms: int
    """Unix time at its end."""
    latency_ms: float
    """From the first try to the whole answer, failed tries included."""
    served: ArmName | None
    """The arm that answered; None: nobody did."""
    failure: str | None = None
    """How the assigned arm failed for good, also where the other one answered instead."""
    tries: int = 1
    first_token_ms: float | None = None
    usage: object = None
    """As the client gave it."""
    cancelled: bool = False
    """The caller went away: nobody's fault, but for what had happened by then."""
    shadow: bool = False
    """The call of the new arm beside the product's own."""
    text: tuple[object, object] | None = None
    """Messages and answer, where the rollout records them."""


# --- making ----------------------------------------------------------------------------------------


def call_event(end: CallEnd) -> Event:
    """Return the event of a request."""
    decision = end.decision
    arm: ArmName = "new" if end.shadow else decision.arm
    usage = usage_of(end.usage)
    cost = cost_of(decision.rollout.arms[end.served], usage) if end.served else None
    event: Event = {
        "v": VERSION,
        "type": "shadow" if end.shadow else "call",
        "t": end.at_ms,
        "rollout": decision.rollout.id,
        "mode": decision.mode,
        "step": decision.step,
        "call": decision.call_id,
        "unit": f"{decision.unit:016x}",
        "arm": arm,
        "served": end.served,
        "model": decision.rollout.arms[end.served or arm].model,
        "ms": _milliseconds(end.latency_ms),
        "tries": end.tries,
    }
    if end.first_token_ms is not None:
        event["first_token_ms"] = _milliseconds(end.first_token_ms)
    if usage is not None:
        event["tokens"] = [usage.input_tokens, usage.cached_input_tokens, usage.output_tokens]
    if cost is not None:
        event["cost_usd"] = str(cost)
    if end.failure is not None:
        event["error"] = str(end.failure)
    if end.cancelled:
        event["cancelled"] = True
    hits = list(_hits(end, decision.rollout.event_metrics))
    if hits:
        event["hits"] = hits
    if end.text is not None:
        event["messages"], event["answer"] = plain(end.text[0]), answer_text(end.text[1])
    return event


def _milliseconds(value: float) -> float:
    """Return a time as it is recorded; ValueError or OverflowError where it is none, so that the event is lost alone."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no time")
    return max(0.0, round(float(value), 3))


def rating_event(decision: Decision, *, good: bool, at_ms: int) -> Event:
    """Return the event of a rating; a bad one is a hit of the metrics that come from ratings."""
    metrics = decision.rollout.event_metrics
    return {
        "v": VERSION,
        "type": "rating",
        "t": at_ms,
        "rollout": decision.rollout.id,
        "mode": decision.mode,
        "step": decision.step,
        "call": decision.call_id,
        "unit": f"{decision.unit:016x}",
        "arm": decision.arm,
        "good": good,
        "hits": [] if good else [metric.name for metric in metrics if metric.source == "rating"],
    }


def to_line(event: Event, number: int) -> bytes:
    """Return an event as a line of JSON that begins with its number."""
    text = json.dumps({"seq": number, **event}, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def _hits(end: CallEnd, metrics: Iterable[EventMetric]) -> Iterable[str]:
    """Yield the metrics that this request is a case of; a cancelled one, of what was sure by then: it only gets slower."""
    measured = {"latency": end.latency_ms, "first_token": end.first_token_ms}
    for metric in metrics:
        value = measured.get(metric.source)
        if metric.source == "error":
            if end.failure is not None:
                yield metric.name
        elif value is not None and metric.threshold_ms is not None and value > metric.threshold_ms:
            yield metric.name


# --- what answers say ------------------------------------------------------------------------------


def usage_of(given: object) -> Usage | None:
    """Return the tokens that a client's `usage` tells, of Chat Completions or Responses; None where it tells none."""
    dump = getattr(given, "model_dump", None)
    data = dump() if callable(dump) else given
    if not isinstance(data, dict):
        return None
    return responses_usage(data) if "input_tokens" in data else chat_usage(data)


def cost_of(arm: Arm, usage: Usage | None) -> Decimal | None:
    """Return what a call cost in USD, by the same prices as the plugin; None: unpriced."""
    spec = ModelSpec(name=arm.model, wire_name=arm.model, base_url=arm.base_url, price=arm.price)
    return cost_usd(spec, usage)


def usage_in(result: object) -> object:
    """Return the `usage` of an answer, an object's or a mapping's; None where there is none."""
    if isinstance(result, dict):
        return result.get("usage")
    return getattr(result, "usage", None)


def failure_in(result: object) -> str | None:
    """Return the failure that an answer of the Responses API tells of without raising; None where it tells none."""
    status = result.get("status") if isinstance(result, dict) else getattr(result, "status", None)
    return "other" if status == "failed" else None


def answer_text(result: object) -> Any:
    """Return an answer as it is recorded: its text, else its JSON, else nothing but its kind."""
    return result if isinstance(result, str) else plain(result)


def plain(value: object) -> Any:
    """Return a value as JSON, whatever it is: what JSON cannot say is named by its type."""
    dump = getattr(value, "model_dump", None)
    try:
        told = dump(mode="json", warnings=False) if callable(dump) else value
        return json.loads(json.dumps(told, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__}>"

"""What a rollout file may not mean, however well it is formed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, get_args

from pytest_llmupgrade.rollout.config import EventSource, MeanSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.rollout.wire import FileWire, MetricWire

_Place: TypeAlias = tuple[int | str, ...]
_TIMED = ("latency", "first_token")
_WHOLE = 100
RESERVED = ("base", "step", "records", "duration", "traffic", "evidence", "fingerprint", "deadline")
"""What a pull request's other checks are called."""


def source_of(name: str, wire: MetricWire) -> str:
    """Return what a metric is measured by: what it says, else latency where it has a threshold, else its name."""
    if wire.source is not None:
        return wire.source
    return "latency" if wire.type == "event" and wire.threshold_ms is not None else name


def meaning_faults(wire: FileWire) -> Iterator[tuple[_Place, str]]:
    """Yield (place, what is wrong and what to write instead)."""
    yield from _step_faults(wire)
    yield from _ending_faults(wire)
    yield from _percent_faults(wire)
    if not float(wire.breaker.window.rstrip("msdh")):
        yield (
            ("breaker", "window"),
            f"breaker.window is {wire.breaker.window}; write a time above zero, such as 60s",
        )
    for name, metric in wire.metrics.items():
        yield from _metric_faults(name, metric)
    old, new = wire.arms.old, wire.arms.new
    if (old.model, old.prompt, old.base_url) == (new.model, new.prompt, new.base_url):
        yield ("arms", "new"), "arms.new is the same as arms.old: nothing to roll out; change model or prompt"


def _step_faults(wire: FileWire) -> Iterator[tuple[_Place, str]]:
    last = len(wire.steps) - 1
    before = 0.0
    for index, step in enumerate(wire.steps):
        at: _Place = ("steps", index, "percent")
        if step.percent <= before:
            yield at, f"steps must rise: {step.percent:g} comes after {before:g}"
        before = step.percent
        if index < last and step.max_ratio is None:
            yield (
                ("steps", index),
                f"the step {step.percent:g} lacks max_ratio: what must be excluded before going on?",
            )
    if wire.steps[last].percent != _WHOLE:
        yield ("steps", last, "percent"), "the last step must be {percent: 100}: all of the traffic"


def _ending_faults(wire: FileWire) -> Iterator[tuple[_Place, str]]:
    """Yield the steps whose end nobody can tell, where something is to be done at it."""
    if wire.on_inconclusive not in ("rollback", "promote"):
        return
    for index, step in enumerate(wire.steps[:-1]):
        if step.min_duration is None:
            yield (
                ("steps", index),
                f"the step {step.percent:g} lacks min_duration: on_inconclusive: {wire.on_inconclusive} acts at its end",
            )


def _percent_faults(wire: FileWire) -> Iterator[tuple[_Place, str]]:
    known = [step.percent for step in wire.steps]
    if wire.percent and wire.percent not in known:
        listed = ", ".join(f"{percent:g}" for percent in (0, *known))
        yield ("percent",), f"percent {wire.percent:g} is no step; write one of {listed}"
    if wire.rollout.mode == "shadow" and wire.percent:
        yield ("percent",), "in mode shadow nobody is answered by the new arm; write percent: 0"


def _metric_faults(name: str, metric: MetricWire) -> Iterator[tuple[_Place, str]]:
    at: _Place = ("metrics", name)
    if name in RESERVED:
        yield at, f"metric {name!r}: the gate has a check of that name; write another, such as {name}_share"
    source = source_of(name, metric)
    known = get_args(EventSource) if metric.type == "event" else get_args(MeanSource)
    if source not in known:
        yield (
            at,
            f"metric {name!r}: type {metric.type} has no source {source!r}; write source: one of {', '.join(known)}",
        )
        return
    if metric.type == "mean":
        if metric.max_ratio is None:
            yield at, f"metric {name!r} lacks max_ratio: how many times the old arm's mean is too much?"
        if metric.max_share is not None:
            yield (*at, "max_share"), f"metric {name!r}: a mean has no max_share; write max_ratio"
        if metric.threshold_ms is not None:
            yield (*at, "threshold_ms"), f"metric {name!r}: a mean has no threshold_ms; write type: event"
    elif (source in _TIMED) != (metric.threshold_ms is not None):
        wanted = "needs threshold_ms" if source in _TIMED else "takes no threshold_ms"
        yield at, f"metric {name!r}: source {source} {wanted}"

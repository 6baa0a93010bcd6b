"""`rollout.yaml` into a Rollout, or into everything that is wrong with it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.model import Price
from pytest_llmupgrade.rollout import config
from pytest_llmupgrade.rollout.checks import meaning_faults, source_of
from pytest_llmupgrade.rollout.words import message, place
from pytest_llmupgrade.run.load.yaml_values import LinedDict, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_llmupgrade.rollout.wire import ArmWire, FileWire, MetricWire, PriceWire

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"kB": 1000, "MB": 1_000_000, "GB": 1_000_000_000}


def load_rollout(path: Path, *, file: str | None = None) -> config.Rollout:
    """Read a rollout file; FaultyFiles names every fault; `file` is how messages call it."""
    shown = file or path.as_posix()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FaultyFiles([Fault(shown, 0, f"cannot be read: {error.strerror or error}")]) from None
    return parse_rollout(data, file=shown)


def parse_rollout(data: bytes, *, file: str) -> config.Rollout:
    """Return the rollout that a file's bytes declare; FaultyFiles names every fault."""
    from pydantic import ValidationError

    from pytest_llmupgrade.rollout.wire import FileWire

    root, faults = read_yaml(data, file)
    if not isinstance(root, LinedDict):
        raise FaultyFiles(
            [Fault(file, 1, "must be a mapping with rollout, arms, percent, steps, metrics, sink")]
        )
    try:
        wire = FileWire.model_validate(root)
    except ValidationError as error:
        found = error.errors(include_url=False)
        faults += [Fault(file, place(root, each["loc"]), message(each)) for each in found]
        raise FaultyFiles(faults) from None
    faults += [Fault(file, place(root, loc), what) for loc, what in meaning_faults(wire)]
    if faults:
        raise FaultyFiles(faults)
    return _rollout(wire, root, file)


def seconds(text: str) -> float:
    """Return the seconds of a duration such as `24h`; the format is checked before."""
    number = text.rstrip("msdh")
    return float(number) * _SECONDS[text[len(number) :]]


def duration_s(text: str) -> float | None:
    """Return the seconds of what somebody typed as a duration; None where it is none."""
    from pytest_llmupgrade.rollout.wire import DURATION

    return seconds(text) if re.fullmatch(DURATION, text) else None


# --- making ----------------------------------------------------------------------------------------


def _rollout(wire: FileWire, root: LinedDict, file: str) -> config.Rollout:
    return config.Rollout(
        id=wire.rollout.id,
        unit=wire.rollout.unit,
        mode=wire.rollout.mode,
        arms={"old": _arm(wire.arms.old), "new": _arm(wire.arms.new)},
        percent=wire.percent,
        steps=tuple(_steps(wire, root)),
        metrics=tuple(
            _metric(name, metric, place(root, ("metrics", name))) for name, metric in wire.metrics.items()
        ),
        sink=_sink(wire),
        fallback_on=frozenset(wire.fallback.on),
        breaker=_breaker(wire),
        shadow=config.ShadowRule(queue=wire.shadow.queue, workers=wire.shadow.workers),
        on_inconclusive=wire.on_inconclusive,
        max_age_s=seconds(wire.max_age),
        evidence=wire.evidence,
        kill_env=wire.kill.env,
        kill_file=wire.kill.file,
        record_text=wire.record_text,
        otel=wire.otel,
        file=file,
        lines=dict(root.lines),
    )


def _steps(wire: FileWire, root: LinedDict) -> Any:
    for index, step in enumerate(wire.steps):
        yield config.Step(
            percent=step.percent,
            min_duration_s=seconds(step.min_duration) if step.min_duration else 0.0,
            max_ratio=step.max_ratio,
            line=place(root, ("steps", index)),
        )


def _arm(wire: ArmWire) -> config.Arm:
    return config.Arm(
        model=wire.model,
        prompt=wire.prompt,
        price=_price(wire.price),
        base_url=wire.base_url,
        retries=wire.retries,
        retry_on=frozenset(wire.retry_on),
        backoff_s=seconds(wire.backoff),
    )


def _price(wire: PriceWire | None) -> Price | None:
    if wire is None:
        return None
    cached = None if wire.cached_input is None else Decimal(str(wire.cached_input))
    return Price(input=Decimal(str(wire.input)), output=Decimal(str(wire.output)), cached_input=cached)


def _metric(name: str, wire: MetricWire, line: int) -> config.Metric:
    source: Any = source_of(name, wire)
    if wire.type == "event":
        return config.EventMetric(
            name=name,
            source=source,
            threshold_ms=wire.threshold_ms,
            role=wire.role or "guardrail",
            max_ratio=wire.max_ratio,
            max_share=wire.max_share,
            line=line,
        )
    assert wire.max_ratio is not None  # noqa: S101  meaning_faults refuses a mean without it
    return config.MeanMetric(
        name=name, source=source, max_ratio=wire.max_ratio, role=wire.role or "signal", line=line
    )


def _sink(wire: FileWire) -> config.Sink:
    size = wire.sink.rotate
    return config.Sink(
        path=wire.sink.path,
        fsync=wire.sink.fsync,
        rotate_bytes=int(size[:-2]) * _BYTES[size[-2:]],
        keep=wire.sink.keep,
    )


def _breaker(wire: FileWire) -> config.BreakerRule:
    return config.BreakerRule(
        window_s=seconds(wire.breaker.window),
        min_requests=wire.breaker.min_requests,
        error_share=wire.breaker.error_share,
        cooldown_s=seconds(wire.breaker.cooldown),
    )

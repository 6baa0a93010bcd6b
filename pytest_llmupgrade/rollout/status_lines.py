"""A rollout's state as lines of text, and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.config import EventMetric
from pytest_llmupgrade.rollout.observing import iso
from pytest_llmupgrade.rollout.rollups import Counts, Key
from pytest_llmupgrade.rollout.states import next_percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.rollout.config import ArmName, Rollout
    from pytest_llmupgrade.rollout.findings import Check
    from pytest_llmupgrade.rollout.observing import Look

_COLOURS = {
    "rolled_back": "31;1",
    "killed": "31;1",
    "hold": "33;1",
    "ready": "32;1",
    "complete": "32;1",
    "pilot": "1",
    "shadow": "1",
    "pass": "32",
    "lacking": "33",
    "wrong": "33;1",
    "harm": "31;1",
}
_WIDTHS = (12, 20, 20, 24, 9, 9)


def status_lines(seen: Look, *, colour: bool) -> Iterator[str]:
    """Yield the state with its reason, the arms side by side, then each check."""
    rollout, state = seen.rollout, seen.state
    old, new = rollout.arms["old"], rollout.arms["new"]
    name = _coloured(state.name.replace("_", " ").upper(), state.name, colour=colour)
    yield f"{rollout.id}: {name} at {rollout.percent:g} %"
    yield f"  {state.why}"
    yield ""
    yield _row(("", f"old: {old.model}", f"new: {new.model}", "ratio, 95 %", "E harm", "E excl."))
    yield from _arms(seen)
    yield from (_figures(check) for check in seen.reading.checks if check.ratio or check.means)
    yield ""
    for check in seen.reading.checks:
        finding = _coloured(f"{check.finding:<8}", check.finding, colour=colour)
        yield f"  {finding} {check.name}: {check.words}"
    yield from _troubles(seen)


def _coloured(text: str, kind: str, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if colour else text


def _row(texts: Sequence[str]) -> str:
    cells = (wording.shorten(text, width) for text, width in zip(texts, _WIDTHS, strict=False))
    padded = (
        wording.pad(cell, width, right=index > 0)
        for index, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=False))
    )
    return " ".join(padded).rstrip()


def _arms(seen: Look) -> Iterator[str]:
    old, new = _counts(seen, "old"), _counts(seen, "new")
    yield _row(("requests", f"{old.requests:,}", f"{new.requests:,}"))
    yield _row((f"{seen.rollout.unit}s", f"{len(old.units):,}", f"{len(new.units):,}"))
    yield _row(("p50 / p95", _latency(old), _latency(new)))
    if new.fallbacks or new.unanswered:
        yield _row(("fallbacks", f"{old.fallbacks:,}", f"{new.fallbacks:,}"))
        yield _row(("unanswered", f"{old.unanswered:,}", f"{new.unanswered:,}"))


def _counts(seen: Look, arm: ArmName) -> Counts:
    key = Key(rollout=seen.rollout.id, mode=seen.rollout.mode, step=seen.reading.step, arm=arm)
    return seen.found.counts.get(key, Counts())


def _latency(counts: Counts) -> str:
    middle, high = counts.quantile_ms(0.5), counts.quantile_ms(0.95)
    return "-" if middle is None or high is None else f"{wording.duration(middle)} / {wording.duration(high)}"


def _figures(check: Check) -> str:
    if check.means is not None:
        new, old = check.means
        return _row((check.name, f"{old:.3g}", f"{new:.3g}", wording.ratio(new / old) if old else "-"))
    return _row(
        (check.name, _failed(check.old), _failed(check.new), _ratio(check), *map(_evidence, _bets(check)))
    )


def _failed(found: tuple[int, int] | None) -> str:
    if found is None or not found[1]:
        return "-"
    return f"{found[0]:,} ({wording.share(found[0] / found[1])})"


def _ratio(check: Check) -> str:
    bounds = check.ratio
    if bounds is None or math.isinf(bounds.estimate):
        return "-"
    high = "open" if math.isinf(bounds.high) else wording.ratio(bounds.high)
    return f"{wording.ratio(bounds.estimate)} [{wording.ratio(bounds.low)}, {high}]"


def _bets(check: Check) -> tuple[float | None, float | None]:
    return check.log_e_harm, check.log_e_excluded


def _evidence(log_e: float | None) -> str:
    if log_e is None or math.isinf(log_e):
        return "-"
    return f"{math.exp(log_e):.2g}" if log_e < math.log(1000) else ">1,000"


def _troubles(seen: Look) -> Iterator[str]:
    found = seen.found
    if found.lost:
        yield f"  {found.lost:,} events could not be written (a full disk?)"
    if found.torn:
        yield f"  {found.torn:,} lines are cut: kills in mid-write; they were never acknowledged"


# --- for machines ----------------------------------------------------------------------------------


def status_plain(seen: Look) -> dict[str, Any]:
    """Return the state as plain values for JSON."""
    rollout, state = seen.rollout, seen.state
    return {
        "schema": "llmupgrade-rollout-status/1",
        "at": iso(seen.at_ms),
        "rollout": rollout.id,
        "state": state.name,
        "why": state.why,
        "percent": rollout.percent,
        "next_percent": next_percent(rollout, rollout.percent),
        "arms": {name: _arm_plain(seen, name) for name in rollout.arms},
        "checks": [_check_plain(rollout, check) for check in seen.reading.checks],
        "events_lost": seen.found.lost,
        "lines_cut": seen.found.torn,
    }


def _arm_plain(seen: Look, name: ArmName) -> dict[str, Any]:
    counts = _counts(seen, name)
    return {
        "model": seen.rollout.arms[name].model,
        "requests": counts.requests,
        "units": len(counts.units),
        "fallbacks": counts.fallbacks,
        "unanswered": counts.unanswered,
        "errors": dict(counts.errors),
        "latency_ms": {"p50": counts.quantile_ms(0.5), "p95": counts.quantile_ms(0.95)},
    }


def _check_plain(rollout: Rollout, check: Check) -> dict[str, Any]:
    metric = next((each for each in rollout.metrics if each.name == check.name), None)
    return {
        "name": check.name,
        "finding": check.finding,
        "words": check.words,
        "role": metric.role if metric is not None else None,
        "type": None if metric is None else "event" if isinstance(metric, EventMetric) else "mean",
        "failed": {"new": check.new, "old": check.old} if check.new is not None else None,
        "means": {"new": check.means[0], "old": check.means[1]} if check.means is not None else None,
        "ratio": None
        if check.ratio is None
        else [_finite(each) for each in (check.ratio.estimate, check.ratio.low, check.ratio.high)],
        "log_e_harm": _finite(check.log_e_harm),
        "log_e_excluded": _finite(check.log_e_excluded),
        "more_requests": check.more_requests,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

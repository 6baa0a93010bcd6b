"""A rollout's state as JSON, for machines: versioned, and the same figures as the table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.rollout.config import EventMetric
from pytest_llmupgrade.rollout.event_checks import EXCLUDED, harm_evidence
from pytest_llmupgrade.rollout.observing import iso
from pytest_llmupgrade.rollout.states import next_percent

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import ArmName, Rollout
    from pytest_llmupgrade.rollout.findings import Check
    from pytest_llmupgrade.rollout.observing import Look
    from pytest_llmupgrade.rollout.shadow_pairs import Paired
    from pytest_llmupgrade.rollout.sides import Need


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
        "latched": state.latched,
        "recorded_state": None if seen.recorded is None else seen.recorded.name,
        "finding": seen.reading.finding,
        "need": _need_plain(seen),
        "evidence": {"harm": harm_evidence(len(rollout.metrics)), "excluded": EXCLUDED},
        "checks": [check_plain(rollout, check) for check in seen.reading.checks],
        "pairs": [_pair_plain(pair) for pair in seen.pairs],
        "events_lost": seen.found.lost,
        "lines_cut": seen.found.torn,
    }


def _arm_plain(seen: Look, name: ArmName) -> dict[str, Any]:
    counts = seen.counts(name)
    return {
        "model": seen.rollout.arms[name].model,
        "requests": counts.requests,
        "units": len(counts.units),
        "fallbacks": counts.fallbacks,
        "unanswered": counts.unanswered,
        "errors": dict(counts.errors),
        "latency_ms": {"p50": counts.quantile_ms(0.5), "p95": counts.quantile_ms(0.95)},
    }


def _need_plain(seen: Look) -> dict[str, Any] | None:
    need: Need | None = seen.reading.need
    if need is None:
        return None
    return {"requests": need.requests, "at": seen.until}


def _pair_plain(pair: Paired) -> dict[str, Any]:
    found = pair.difference
    return {
        "name": pair.name,
        "requests": pair.requests,
        "new_alone": pair.new_alone,
        "old_alone": pair.old_alone,
        "difference": [found.estimate, found.low, found.high],
    }


def check_plain(rollout: Rollout, check: Check) -> dict[str, Any]:
    """Return a check as plain values."""
    metric = next((each for each in rollout.metrics if each.name == check.name), None)
    return {
        "name": check.name,
        "finding": check.finding,
        "words": check.words,
        "role": metric.role if metric is not None else None,
        "type": None if metric is None else "event" if isinstance(metric, EventMetric) else "mean",
        "failed": {"new": check.new, "old": check.old} if check.new is not None else None,
        "means": None
        if check.means is None
        else {"new": _finite(check.means[0]), "old": _finite(check.means[1])},
        "ratio": None
        if check.ratio is None
        else [_finite(each) for each in (check.ratio.estimate, check.ratio.low, check.ratio.high)],
        "log_e_harm": _finite(check.log_e_harm),
        "log_e_excluded": _finite(check.log_e_excluded),
        "more_requests": check.more_requests,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

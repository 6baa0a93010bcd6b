"""Checks of means per request, such as the cost: the new arm's against a multiple of the old one's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.event_checks import HARM_ALPHA
from pytest_llmupgrade.rollout.findings import Check
from pytest_llmupgrade.rollout.rollups import Moments
from pytest_llmupgrade.stats.sequential import mean_bounds

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import MeanMetric
    from pytest_llmupgrade.rollout.findings import Finding
    from pytest_llmupgrade.rollout.sides import Arms, Need, Side

FEWEST = 50
"""Requests of an arm below which bounds that hold for large numbers are not believed."""
PASS_ALPHA = 0.05
KNOWN = 0.9
"""Share of an arm's requests in which a figure must be known, for the others may be the dear ones."""
_TIMED = ("latency_ms", "first_token_ms")
_MOST = 10**9


def mean_check(metric: MeanMetric, arms: Arms, *, metrics: int) -> Check:
    """Check one mean; `metrics` share the risk of a false rollback."""
    new, old = (each.moments.get(metric.source, Moments()) for each in (arms.new, arms.old))
    if new.mean is None or old.mean is None or min(new.count, old.count) < FEWEST:
        words = f"{new.count:,} and {old.count:,} requests with a {metric.source}, {FEWEST} of each arm are needed"
        if (
            metric.source == "cost_usd"
            and not (new.count and old.count)
            and min(arms.new.requests, arms.old.requests)
        ):
            words += "; unpriced: declare the arms' price, or stream with include_usage"
        return Check(name=metric.name, finding="lacking", words=words)
    # new - max_ratio * old, which is below zero where the mean is within its limit
    excess = new.mean - metric.max_ratio * old.mean
    error = math.sqrt(_variance(new) / new.count + metric.max_ratio**2 * _variance(old) / old.count)
    finding, words, need = _verdict(metric, arms, (excess, error, new.count + old.count), metrics)
    unknown = _unknown(metric, arms)
    if unknown is not None and finding in ("pass", "lacking"):
        finding, words, need = "lacking", unknown, None
    figures = f"{_shown(metric, new.mean)} against {_shown(metric, old.mean)} per request"
    return Check(
        name=metric.name,
        finding=finding,
        words=f"{words}: {figures}, {_times(new.mean, old.mean)}{_more(need)}",
        means=(new.mean, old.mean),
        need=need,
    )


def _unknown(metric: MeanMetric, arms: Arms) -> str | None:
    """Return why a figure is known of too few requests to speak for an arm; None: it speaks for both."""
    new, old = (_known(metric, side) for side in (arms.new, arms.old))
    # not every request is a stream, and every arm has callers who leave: times must be known alike
    needed = KNOWN * (max(new, old) if metric.source in _TIMED else 1)
    if min(new, old) >= needed:
        return None
    hint = (
        "callers left before" if metric.source in _TIMED else "a call without usage is unpriced, never free"
    )
    return (
        f"known of {wording.share(new)} of the new arm's requests and {wording.share(old)} of the old one's, "
        f"{wording.share(needed)} of each are needed ({hint})"
    )


def _known(metric: MeanMetric, side: Side) -> float:
    """Return the share of an arm's requests in which a figure is known: usage of those that were answered whole."""
    count = side.moments.get(metric.source, Moments()).count
    whole = side.moments["latency_ms"].count if "latency_ms" in side.moments else side.requests
    of = side.requests if metric.source in _TIMED else whole - side.unanswered
    return min(1.0, count / of) if of > 0 else 1.0


def _verdict(
    metric: MeanMetric, arms: Arms, found: tuple[float, float, int], metrics: int
) -> tuple[Finding, str, Need | None]:
    excess, error, count = found
    limit = f"{metric.max_ratio:g}x"
    if mean_bounds(excess, error, count, alpha=HARM_ALPHA / metrics).low > 0:
        return "harm" if metric.role == "guardrail" else "wrong", f"more than {limit}", None
    if mean_bounds(excess, error, count, alpha=PASS_ALPHA).high < 0:
        return "pass", f"more than {limit} is excluded", None
    if excess >= 0:
        return "lacking", f"{limit} is not excluded, and at these means never will be", None
    needed = _needed(excess, error, count)
    need = arms.need(math.ceil((needed - count) * arms.requests / count))
    return "lacking", f"{limit} is not excluded yet", need


def _needed(excess: float, error: float, count: int) -> int:
    """Return how many observations would exclude the limit, if mean and spread stay as they are."""
    low, high = count, _MOST
    while low < high:
        middle = (low + high) // 2
        bounds = mean_bounds(excess, error * math.sqrt(count / middle), middle, alpha=PASS_ALPHA)
        low, high = (low, middle) if bounds.high < 0 else (middle + 1, high)
    return low


def _variance(moments: Moments) -> float:
    """Return the sample variance."""
    spread = moments.squares - moments.total * moments.total / moments.count
    return max(0.0, spread) / (moments.count - 1)


def _shown(metric: MeanMetric, value: float) -> str:
    if metric.source == "cost_usd":
        return f"${value:.3g}"
    return f"{value:,.0f} ms" if metric.source.endswith("_ms") else f"{value:,.0f} tokens"


def _times(new: float, old: float) -> str:
    return f"{new / old:.2f}x" if old else "the old one's is zero"


def _more(need: Need | None) -> str:
    return "" if need is None else f"; {need.words}"

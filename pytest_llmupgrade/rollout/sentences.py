"""The gate's checks as sentences for a pull request: the figures, what is missing, and about when it is there."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.config import EventMetric
from pytest_llmupgrade.rollout.event_checks import EXCLUDED

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import Rollout
    from pytest_llmupgrade.rollout.findings import Check
    from pytest_llmupgrade.rollout.sides import Need

_FARTHEST_MS = 366 * 86_400_000
_MOST_E = 1000.0


def time_in(milliseconds: float, *, now_ms: int) -> str | None:
    """Return the time in so long, UTC, as one says it now; None where it is more than a year away."""
    if milliseconds > _FARTHEST_MS:
        return None
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    then = now + dt.timedelta(milliseconds=milliseconds)
    then = then.replace(second=0, microsecond=0) + dt.timedelta(minutes=-then.minute % 10)
    days = (then.date() - now.date()).days
    if days > 1:
        return f"{then:%Y-%m-%d}"
    return f"{then:%H:%M} UTC {'tomorrow' if days else 'today'}"


def check_words(rollout: Rollout, percent: float, check: Check, *, now_ms: int) -> str:
    """Return a check that does not pass as a sentence without its name."""
    metric = next((each for each in rollout.metrics if each.name == check.name), None)
    when = _when(check.need, now_ms)
    if metric is not None and check.finding == "harm":
        return f"harm, {check.words}; lower percent to 0, mend it, and give the rollout a new id"
    if check.finding == "lacking" and isinstance(metric, EventMetric) and check.new and check.old:
        return _event(rollout, metric, percent, check, when)
    return f"{check.words}{f', by {when}' if when else ''}"


def _when(need: Need | None, now_ms: int) -> str | None:
    return None if need is None or need.ms is None else time_in(need.ms, now_ms=now_ms)


def _event(rollout: Rollout, metric: EventMetric, percent: float, check: Check, when: str | None) -> str:
    """Return what is not shown of an event: the shares, the evidence, what would be enough."""
    if not (check.new and check.new[1]) or not (check.old and check.old[1]):
        what = f"rated {rollout.unit}s" if metric.source == "rating" else f"{rollout.unit}s"
        counts = f"{_count(check.new)} of the new and {_count(check.old)} of the old one"
        return f"both arms need {what} at {percent:g} %, and there are {counts}"
    step = rollout.step_of(percent)
    limit = metric.max_ratio or (step.max_ratio if step else None)
    figures = f"{_share(check.new, rollout.unit)} against {_share(check.old, '')}"
    evidence = _evidence(check.log_e_excluded)
    words = f"{figures}; that it is not {limit:g} times worse is not shown yet ({evidence})"
    if check.need is not None:
        more = f"about {wording.rounded(check.need.requests)} more requests"
        return f"{words}: {more}{f', by {when},' if when else ''} if it is as good as the old one"
    if not (check.new[0] or check.old[0]) and metric.max_share is None:
        return (
            f"{words}: nothing fails, so give the metric a max_share, which the new arm's own units can show"
        )
    return words


def _count(found: tuple[int, int] | None) -> str:
    return f"{found[1] if found else 0:,}"


def _share(found: tuple[int, int], unit: str) -> str:
    failed, of = found
    return f"{wording.share(failed / of)} of {of:,}{f' {unit}s' if unit else ''}"


def _evidence(log_e: float | None) -> str:
    if log_e is None or math.isinf(log_e):
        return f"it needs E {EXCLUDED:g}"
    value = f"{math.exp(log_e):.2g}" if log_e < math.log(_MOST_E) else f"over {_MOST_E:,.0f}"
    return f"E {value}, needs {EXCLUDED:g}"

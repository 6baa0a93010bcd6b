"""Checks of binary metrics: units to which something bad happened at least once, new arm against old."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.findings import Check
from pytest_llmupgrade.stats.sequential import (
    Failing,
    log_e_excluded,
    log_e_harm,
    log_e_mismatch,
    log_e_share,
    ratio_bounds,
    reaches,
    units_needed,
)

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import EventMetric, Step
    from pytest_llmupgrade.rollout.findings import Finding
    from pytest_llmupgrade.rollout.sides import Arms, Need
    from pytest_llmupgrade.stats import Interval

HARM_ALPHA = 0.01
"""Chance of a false rollback over a whole step, however often it is looked at; shared by its metrics."""
EXCLUDED = 20.0
"""Evidence, as E value, that the largest ratio is excluded: 5 % chance of a false go, at every look."""
_UNCOMPARABLE = 1000.0
_KEPT = 16_384
"""Evidence kept by its figures: of a thousand looks, most find the same few units failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One metric's figures."""

    failing: Failing
    units: tuple[int, int]
    """New, old: what the failing ones are a share of."""
    log_e_harm: float
    log_e_excluded: float
    max_ratio: float | None
    log_e_below: float
    """Log evidence that the new arm's share is below the metric's `max_share`; -inf: none is declared."""

    @property
    def words(self) -> str:
        new, old = self.units
        return f"{self.failing.new:,} of {new:,} units of the new arm, {self.failing.old:,} of {old:,} of the old one"


def harm_evidence(metrics: int) -> float:
    """Return the E value at which one of so many metrics is harm."""
    return metrics / HARM_ALPHA


def event_check(metric: EventMetric, step: Step, arms: Arms, *, metrics: int) -> Check:
    """Check one metric; `metrics` share the risk of a false rollback."""
    rated = metric.source == "rating"
    units = (arms.new.rated, arms.old.rated) if rated else (arms.new.units, arms.old.units)
    failed = (arms.new.failed.get(metric.name, 0), arms.old.failed.get(metric.name, 0))
    if arms.share >= 1:
        return _alone(metric, failed[0], units[0], metrics)
    if rated and reaches(log_e_mismatch(*units, arms.share), _UNCOMPARABLE):
        words = (
            f"{units[0]:,} units of the new arm gave ratings and {units[1]:,} of the old one, which is no "
            f"{arms.share * 100:g} %: the arms are not rated alike, so ratings cannot compare them"
        )
        return Check(name=metric.name, finding="wrong", words=words)
    found = _found(metric, step, Failing(arms.share, *failed), units)
    return _check(metric, arms, found, metrics)


def event_finding(metric: EventMetric, step: Step, arms: Arms, *, metrics: int) -> Finding:
    """Return what `event_check` finds of a metric that is compared and not rated, without its words."""
    failing = Failing(arms.share, arms.new.failed.get(metric.name, 0), arms.old.failed.get(metric.name, 0))
    return _finding(metric, _found(metric, step, failing, (arms.new.units, arms.old.units)), metrics)


def _found(metric: EventMetric, step: Step, failing: Failing, units: tuple[int, int]) -> _Found:
    max_ratio = metric.max_ratio if metric.max_ratio is not None else step.max_ratio
    harm, excluded = _evidence(failing, max_ratio)
    return _Found(
        failing=failing,
        units=units,
        log_e_harm=harm,
        log_e_excluded=excluded,
        max_ratio=max_ratio,
        log_e_below=log_e_share(failing.new, units[0], metric.max_share)[1]
        if metric.max_share is not None
        else -math.inf,
    )


@lru_cache(maxsize=_KEPT)
def _evidence(failing: Failing, max_ratio: float | None) -> tuple[float, float]:
    """Return the log evidence of harm, and that the largest ratio is excluded."""
    excluded = log_e_excluded([failing], max_ratio) if max_ratio is not None else math.inf
    return log_e_harm([failing]), excluded


@lru_cache(maxsize=_KEPT)
def _bounds_of(failing: Failing) -> Interval:
    """Return the ratio with the bounds at which the largest one counts as excluded: 90 %, 5 % on either side."""
    return ratio_bounds([failing], 2 / EXCLUDED)


@lru_cache(maxsize=_KEPT)
def _units_needed(failing: Failing, max_ratio: float) -> int | None:
    return units_needed(failing, max_ratio, math.log(EXCLUDED))


def _check(metric: EventMetric, arms: Arms, found: _Found, metrics: int) -> Check:
    bounds = _bounds_of(found.failing)
    finding = _finding(metric, found, metrics)
    words, need = _words(metric, arms, found, bounds, finding)
    return Check(
        name=metric.name,
        finding=finding,
        words=words,
        new=(found.failing.new, found.units[0]),
        old=(found.failing.old, found.units[1]),
        ratio=bounds,
        log_e_harm=found.log_e_harm,
        log_e_excluded=found.log_e_excluded,
        need=need,
    )


def _finding(metric: EventMetric, found: _Found, metrics: int) -> Finding:
    if reaches(found.log_e_harm, harm_evidence(metrics)):
        return "harm" if metric.role == "guardrail" else "wrong"
    excluded = reaches(found.log_e_excluded, EXCLUDED) or reaches(found.log_e_below, EXCLUDED)
    return "pass" if excluded else "lacking"


def _words(
    metric: EventMetric, arms: Arms, found: _Found, bounds: Interval, finding: Finding
) -> tuple[str, Need | None]:
    if finding == "lacking":
        return _lacking(metric, arms, found)
    if finding != "pass":
        return f"{_often(bounds.estimate)} {bounds_words(bounds)}: {found.words}", None
    if found.max_ratio is not None and reaches(found.log_e_excluded, EXCLUDED):
        return f"more than {found.max_ratio:g}x is excluded: {found.words} {bounds_words(bounds)}", None
    return f"more than {wording.share(metric.max_share)} is excluded: {found.words}", None


def _lacking(metric: EventMetric, arms: Arms, found: _Found) -> tuple[str, Need | None]:
    assert found.max_ratio is not None  # noqa: S101  without one everything is excluded
    words = f"{found.max_ratio:g}x is not excluded yet: {found.words}"
    failing = found.failing.new + found.failing.old
    if not failing or not arms.requests:
        hint = (
            "" if metric.max_share is not None else "; max_share would let few failures count by themselves"
        )
        return f"{words}{hint}", None
    units = _units_needed(found.failing, found.max_ratio)
    if units is None:
        return words, None
    need = arms.need(math.ceil(units * arms.requests / failing))
    return f"{words}; {need.words} if it is as good as the old one", need


def _alone(metric: EventMetric, failed: int, units: int, metrics: int) -> Check:
    """Check the new arm against its fixed limit only: nobody is left to compare it with."""
    words = f"{failed:,} of {units:,} units"
    if metric.max_share is None:
        words = f"not watched: no old arm to compare with, and no max_share is declared; {words}"
        return Check(name=metric.name, finding="pass", words=words, new=(failed, units))
    above, _ = log_e_share(failed, units, metric.max_share)
    finding: Finding = "pass"
    if reaches(above, harm_evidence(metrics)):
        finding = "harm" if metric.role == "guardrail" else "wrong"
        words = f"more than {wording.share(metric.max_share)}: {words}"
    return Check(name=metric.name, finding=finding, words=words, new=(failed, units), log_e_harm=above)


def bounds_words(bounds: Interval) -> str:
    """Return a ratio's bounds as read by people: `[0.47x, 1.78x]`."""
    return f"[{_times(bounds.low)}, {_times(bounds.high)}]"


def _often(ratio: float) -> str:
    return "only with the new arm" if math.isinf(ratio) else f"{wording.ratio(ratio)} as often"


def _times(ratio: float) -> str:
    if math.isinf(ratio):
        return "open"
    # a lower bound of 0.0014x is none, and decimals of an upper one of 22.51x say nothing
    return f"{ratio:.2f}x" if ratio < 9.995 else f"{ratio:,.0f}x"  # noqa: PLR2004  two digits

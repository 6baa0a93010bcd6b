"""Checks of binary metrics: units to which something bad happened at least once, new arm against old."""

from __future__ import annotations

import math
from dataclasses import dataclass
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
    from pytest_llmupgrade.rollout.rollups import Counts
    from pytest_llmupgrade.stats import Interval

HARM_ALPHA = 0.01
"""Chance of a false rollback over a whole step, however often it is looked at; shared by its metrics."""
EXCLUDED = 20.0
"""Evidence, as E value, that the largest ratio is excluded: 5 % chance of a false go, at every look."""
_UNCOMPARABLE = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """What happened in a step to either arm."""

    share: float
    """Of the units, to the new arm, 0 to 1."""
    new: Counts
    old: Counts

    @property
    def lasted_ms(self) -> int:
        """From the first request to the last one."""
        first = [each.first_ms for each in (self.new, self.old) if each.first_ms is not None]
        last = [each.last_ms for each in (self.new, self.old) if each.last_ms is not None]
        return max(last) - min(first) if first and last else 0

    @property
    def requests(self) -> int:
        """Of both arms."""
        return self.new.requests + self.old.requests

    def how_many(self, more: float) -> str:
        """Return a number of further requests in words, with the time that they take at the pace so far."""
        words = f"about {wording.rounded(more)} more requests"
        if not self.lasted_ms or not self.requests:
            return words
        return f"{words}, {wording.duration(more * self.lasted_ms / self.requests)} at this pace"


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


def event_check(metric: EventMetric, step: Step, arms: Arms, *, metrics: int) -> Check:
    """Check one metric; `metrics` share the risk of a false rollback."""
    rated = metric.source == "rating"
    units = (
        (len(arms.new.rated), len(arms.old.rated)) if rated else (len(arms.new.units), len(arms.old.units))
    )
    failed = (arms.new.first_failures(metric.name), arms.old.first_failures(metric.name))
    if arms.share >= 1:
        return _alone(metric, failed[0], units[0])
    if rated and reaches(log_e_mismatch(*units, arms.share), _UNCOMPARABLE):
        words = (
            f"{units[0]:,} units of the new arm gave ratings and {units[1]:,} of the old one, which is no "
            f"{arms.share * 100:g} %: the arms are not rated alike, so ratings cannot compare them"
        )
        return Check(name=metric.name, finding="wrong", words=words)
    found = _found(metric, step, Failing(arms.share, *failed), units)
    return _check(metric, arms, found, metrics)


def _found(metric: EventMetric, step: Step, failing: Failing, units: tuple[int, int]) -> _Found:
    max_ratio = metric.max_ratio if metric.max_ratio is not None else step.max_ratio
    return _Found(
        failing=failing,
        units=units,
        log_e_harm=log_e_harm([failing]),
        log_e_excluded=log_e_excluded([failing], max_ratio) if max_ratio is not None else math.inf,
        max_ratio=max_ratio,
        log_e_below=log_e_share(failing.new, units[0], metric.max_share)[1]
        if metric.max_share is not None
        else -math.inf,
    )


def _check(metric: EventMetric, arms: Arms, found: _Found, metrics: int) -> Check:
    bounds = ratio_bounds([found.failing])
    finding, words, more = _verdict(metric, arms, found, bounds, metrics)
    return Check(
        name=metric.name,
        finding=finding,
        words=words,
        new=(found.failing.new, found.units[0]),
        old=(found.failing.old, found.units[1]),
        ratio=bounds,
        log_e_harm=found.log_e_harm,
        log_e_excluded=found.log_e_excluded,
        more_requests=more,
    )


def _verdict(
    metric: EventMetric, arms: Arms, found: _Found, bounds: Interval, metrics: int
) -> tuple[Finding, str, int | None]:
    if reaches(found.log_e_harm, metrics / HARM_ALPHA):
        finding: Finding = "harm" if metric.role == "guardrail" else "wrong"
        return finding, f"{wording.ratio(bounds.estimate)} as often {_bounds(bounds)}: {found.words}", None
    if reaches(found.log_e_excluded, EXCLUDED):
        if found.max_ratio is None:
            return "pass", found.words, None
        return "pass", f"more than {found.max_ratio:g}x is excluded: {found.words} {_bounds(bounds)}", None
    if metric.max_share is not None and reaches(found.log_e_below, EXCLUDED):
        return "pass", f"more than {wording.share(metric.max_share)} is excluded: {found.words}", None
    return _lacking(metric, arms, found)


def _lacking(metric: EventMetric, arms: Arms, found: _Found) -> tuple[Finding, str, int | None]:
    assert found.max_ratio is not None  # noqa: S101  without one everything is excluded
    words = f"{found.max_ratio:g}x is not excluded yet: {found.words}"
    failing = found.failing.new + found.failing.old
    if not failing or not arms.requests:
        hint = (
            "" if metric.max_share is not None else "; max_share would let few failures count by themselves"
        )
        return "lacking", f"{words}{hint}", None
    units = units_needed(found.failing, found.max_ratio, math.log(EXCLUDED))
    if units is None:
        return "lacking", words, None
    more = math.ceil(units * arms.requests / failing)
    return "lacking", f"{words}; {arms.how_many(more)} if it is as good as the old one", more


def _alone(metric: EventMetric, failed: int, units: int) -> Check:
    """Check the new arm against its fixed limit only: nobody is left to compare it with."""
    counted = {"name": metric.name, "new": (failed, units)}
    words = f"{failed:,} of {units:,} units"
    if metric.max_share is None:
        return Check(finding="pass", words=words, **counted)  # type: ignore[arg-type]
    above, _ = log_e_share(failed, units, metric.max_share)
    if reaches(above, 1 / HARM_ALPHA):
        words = f"more than {wording.share(metric.max_share)}: {words}"
        return Check(finding="wrong", words=words, log_e_harm=above, **counted)  # type: ignore[arg-type]
    return Check(finding="pass", words=words, log_e_harm=above, **counted)  # type: ignore[arg-type]


def _bounds(bounds: Interval) -> str:
    high = "open" if math.isinf(bounds.high) else wording.ratio(bounds.high)
    return f"[{wording.ratio(bounds.low)}, {high}]"

"""Whether a decision's parts agree: a file that says SAFE beside figures that do not was not written by a run; pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import astuple
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats import Interval, Pairs, tango
from pytest_llmupgrade.verdict import Rule
from pytest_llmupgrade.verdict.table import is_margin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.decisions.wire import Candidate, DecisionFile

_ROUNDING = 1e-9
_CLOSE = 1e-6
_MOST_CASES = 10**9


def sound(decision: DecisionFile) -> DecisionFile:
    """Return a decision; ValueError where a verdict or a count is none that the rule gives."""
    dt.datetime.fromisoformat(decision.created)  # ValueError names it
    for candidate in decision.candidates:
        for fault in _faults(candidate):
            raise ValueError(f"{candidate.name}: {fault}")
    for suite in decision.suites:
        if suite.cases < 1:
            raise ValueError(f"{suite.file}: {suite.cases} cases; a suite that was run has some")
    return decision


def _faults(candidate: Candidate) -> Iterator[str]:
    counts = (candidate.paired, candidate.unpaired, candidate.broke, candidate.fixed)
    if min(counts) < 0 or max(counts) > _MOST_CASES:
        yield f"a count below 0 or above {_MOST_CASES:,}"
        return
    if candidate.broke + candidate.fixed > candidate.paired:
        yield f"{candidate.broke} broke and {candidate.fixed} were fixed of {candidate.paired}"
    if not Rule().confidence - _ROUNDING <= candidate.confidence < 1:
        yield f"confidence {candidate.confidence:g}; no rule goes below {Rule().confidence:g}"
    if not is_margin(candidate.margin * 100):
        yield f"margin {candidate.margin:g}; it is a share, of 0.001 to 0.5"
    if candidate.interval is None or candidate.difference is None:
        if candidate.verdict != "inconclusive":
            yield f"{candidate.verdict} without an interval; only inconclusive has none"
        return
    low, high = candidate.interval
    if any(
        before > after + _ROUNDING for before, after in pairwise((-1, low, candidate.difference, high, 1))
    ):
        yield f"the difference {candidate.difference:g} is outside its interval {low:g} to {high:g}"
    if candidate.verdict == "safe":
        yield from _safe_faults(candidate, Interval(candidate.difference, low, high))


def _safe_faults(candidate: Candidate, interval: Interval) -> Iterator[str]:
    if not candidate.paired:
        yield "safe on no case"
        return
    if interval.low <= -candidate.margin:
        yield (
            f"safe, though its interval begins at {interval.low:g}, not above minus the margin of "
            f"{candidate.margin:g}"
        )
    best = _best_low(candidate, interval.estimate)
    if interval.low > best + _ROUNDING:
        yield (
            f"safe by an interval from {interval.low:g}, which {candidate.paired} cases cannot show: "
            f"from {best:.3g} at best"
        )
    if not candidate.weighted and not _counted(candidate, interval):
        yield f"its {candidate.broke} broken and {candidate.fixed} fixed of {candidate.paired} give another interval"


def _best_low(candidate: Candidate, difference: float) -> float:
    """Return where the narrowest interval begins that so many cases can have, whatever their weights and repeats."""
    n, confidence = candidate.paired, candidate.confidence
    one_way = Pairs(broke=max(-difference, 0) * n, fixed=max(difference, 0) * n, n=n)
    level = tango(Pairs(broke=0, fixed=0, n=n), confidence=confidence)
    return max(tango(one_way, confidence=confidence).low, difference + level.low)


def _counted(candidate: Candidate, interval: Interval) -> bool:
    """Whether the counts give the interval, as they do where all cases count alike."""
    pairs = Pairs(broke=candidate.broke, fixed=candidate.fixed, n=candidate.paired)
    told = tango(pairs, confidence=candidate.confidence)
    return all(abs(one - other) < _CLOSE for one, other in zip(astuple(told), astuple(interval), strict=True))

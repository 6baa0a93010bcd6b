"""Whether a decision's parts agree: a file that says SAFE beside figures that do not was not written by a run; pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.decisions.wire import Candidate, DecisionFile

_ROUNDING = 1e-9


def sound(decision: DecisionFile) -> DecisionFile:
    """Return a decision; ValueError where a verdict or a count is none that the rule gives."""
    for candidate in decision.candidates:
        for fault in _faults(candidate):
            raise ValueError(f"{candidate.name}: {fault}")
    for suite in decision.suites:
        if suite.cases < 1:
            raise ValueError(f"{suite.file}: {suite.cases} cases; a suite that was run has some")
    return decision


def _faults(candidate: Candidate) -> Iterator[str]:
    if min(candidate.paired, candidate.unpaired, candidate.broke, candidate.fixed) < 0:
        yield "a count below 0"
    if not 0 < candidate.confidence < 1 or not 0 <= candidate.margin < 1:
        yield f"confidence {candidate.confidence:g} and margin {candidate.margin:g} must be shares"
    if candidate.interval is None or candidate.difference is None:
        if candidate.verdict != "inconclusive":
            yield f"{candidate.verdict} without an interval; only inconclusive has none"
        return
    low, high = candidate.interval
    if any(
        before > after + _ROUNDING for before, after in pairwise((-1, low, candidate.difference, high, 1))
    ):
        yield f"the difference {candidate.difference:g} is outside its interval {low:g} to {high:g}"
    if candidate.verdict != "safe":
        return
    if not candidate.paired:
        yield "safe on no case"
    if low <= -candidate.margin:
        yield f"safe, though its interval begins at {low:g}, not above minus the margin of {candidate.margin:g}"

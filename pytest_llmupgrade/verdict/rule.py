"""The rule: lower bound above minus the margin is safe; else upper bound below zero is a regression.

Safe also needs that no category regresses, that each category with a margin of its own is safe by itself, and that
nearly all cases have a verdict on both models.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats import fewest_cases, more_cases_needed
from pytest_llmupgrade.verdict.categories import findings
from pytest_llmupgrade.verdict.decision import WORST_FIRST, Decision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.stats import Interval
    from pytest_llmupgrade.verdict.decision import CategoryFinding, VerdictWord
    from pytest_llmupgrade.verdict.evidence import Evidence

ALPHA_BY_LOOKS: Mapping[int, float] = {1: 0.05, 2: 0.03}
"""One-sided error of each look; two at 3 % keep the whole at 5 % (`sim_two_look_retest` in the oracles)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a verdict is reached; all of it is to be fixed before the run."""

    margin: float = 0.05
    """The drop in accuracy that is still accepted, a share of 0 to 1."""
    category_margins: Mapping[str, float] = field(default_factory=dict)
    """By category; shares of 0 to 1."""
    looks: int = 1
    """How many times the cases may be looked at, 1 or 2."""
    look: int = 1
    """Which look this is, from 1."""
    together: int = 1
    """How many candidates are tried for one choice; each verdict has its share of the error (Bonferroni)."""
    max_unpaired: float = 0.03
    """The share of cases, or of their traffic, without a verdict on both models above which nothing is called safe."""

    @property
    def alpha(self) -> float:
        """The one-sided error of this look, of one of the verdicts."""
        return ALPHA_BY_LOOKS[self.looks] / self.together

    @property
    def confidence(self) -> float:
        """Of the two-sided interval whose bounds are the tests."""
        return 1 - 2 * self.alpha

    @property
    def fewest_cases(self) -> int:
        """With fewer pairs, no answers whatever can show the margin."""
        return fewest_cases(self.margin, alpha=self.alpha)


def decide(evidence: Evidence, rule: Rule) -> Decision:
    """Return the verdict on a candidate; without a single pair it is inconclusive."""
    interval = evidence.interval(rule.confidence) if evidence.changes else None
    categories = findings(evidence, rule.category_margins, rule.alpha, rule.max_unpaired)
    too_many = evidence.lacks_more_than(rule.max_unpaired)
    verdict = _verdict(evidence, rule, interval, categories, too_many=too_many)
    return Decision(
        verdict=verdict,
        interval=interval,
        confidence=rule.confidence,
        margin=rule.margin,
        look=rule.look,
        looks=rule.looks,
        together=rule.together,
        paired=len(evidence.changes),
        unpaired=evidence.unpaired,
        fewest_cases=rule.fewest_cases,
        more_cases_needed=_more(evidence, rule, categories) if verdict == "inconclusive" else None,
        categories=categories,
        too_many_unpaired=too_many,
        lost_traffic=evidence.lost_traffic,
        equal_weights=evidence.pairs.n if evidence.weighted else None,
        repeated=evidence.repeated,
    )


def classify(interval: Interval, margin: float) -> VerdictWord:
    """Return what an interval says of a margin (a share): the rule for one group of cases."""
    if interval.low > -margin:
        return "safe"
    return "regression" if interval.high < 0 else "inconclusive"


def _verdict(
    evidence: Evidence,
    rule: Rule,
    interval: Interval | None,
    categories: tuple[CategoryFinding, ...],
    *,
    too_many: bool,
) -> VerdictWord:
    if interval is None:
        return "inconclusive"
    if too_many:
        # a regression that the missing cases could not have undone stays one
        best = evidence.at_best().interval(rule.confidence)
        return "regression" if classify(best, rule.margin) == "regression" else "inconclusive"
    found = {classify(interval, rule.margin), *(category.finding for category in categories)}
    return next((word for word in WORST_FIRST if word in found), "inconclusive")


def _more(evidence: Evidence, rule: Rule, categories: tuple[CategoryFinding, ...]) -> int | None:
    """Return how many more cases settle the whole and every category with a margin; None where some are hopeless."""
    if not evidence.changes:
        return rule.fewest_cases
    wanting = [(evidence.of(one.name), one.margin) for one in categories if one.finding == "inconclusive"]
    needed = [
        _more_of(part, margin, rule.alpha)
        for part, margin in ((evidence, rule.margin), *wanting)
        if margin is not None
    ]
    known = [count for count in needed if count is not None]
    return max(known) if len(known) == len(needed) else None


def _more_of(evidence: Evidence, margin: float, alpha: float) -> int | None:
    """Return how many more cases like these; effective cases are turned back into real ones."""
    if not evidence.changes:
        return fewest_cases(margin, alpha=alpha)
    pairs = evidence.pairs
    more = more_cases_needed(pairs, margin=margin, alpha=alpha)
    return None if more is None else math.ceil(more * len(evidence.changes) / pairs.n)

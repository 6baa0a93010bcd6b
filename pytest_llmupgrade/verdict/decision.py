"""What was decided on a candidate, with all that a report says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pytest_llmupgrade.stats import Interval

VerdictWord: TypeAlias = Literal["safe", "regression", "inconclusive"]
WORST_FIRST: tuple[VerdictWord, ...] = ("regression", "inconclusive", "safe")


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryFinding:
    """One category's part in a verdict."""

    name: str
    paired: int
    interval: Interval | None
    """Candidate minus incumbent, -1 to 1, at the decision's confidence; None: none of its cases is judged on both."""
    margin: float | None
    """The margin declared for the category, a share; None: only a regression counts."""
    p: float
    """That the category is no worse: one-sided, adjusted for the number of categories (Holm)."""
    unpaired: int = 0
    """Cases that ran without a verdict on both models."""
    too_many_unpaired: bool = False
    """So many that what is left may not stand for the category."""
    finding: VerdictWord
    """'inconclusive' where a declared margin is neither kept nor broken; 'safe' where nothing speaks against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on a candidate and what it rests on."""

    verdict: VerdictWord
    interval: Interval | None
    """Candidate's accuracy minus the incumbent's, -1 to 1; None: no case is judged on both."""
    confidence: float
    """Of the interval, two-sided: 0.90 for one look, 0.94 for each of two."""
    margin: float
    """The drop that is still accepted, a share."""
    look: int
    looks: int
    """How many times the cases may be looked at; planned, since every look is another chance to be lucky."""
    paired: int
    unpaired: int
    fewest_cases: int
    """With fewer pairs, no answers whatever can show the margin."""
    more_cases_needed: int | None
    """About how many more cases would settle it if the models are equally good; None: settled, or hopeless."""
    categories: tuple[CategoryFinding, ...] = ()
    """Only where there are several, or one with a margin of its own."""
    together: int = 1
    """How many verdicts share the error of one."""
    too_many_unpaired: bool = False
    """So many cases lack a verdict on both models that what is left may not stand for the whole."""
    lost_traffic: float | None = None
    """The share of the traffic that the unpaired cases stand for; None: all cases stand for as much."""
    equal_weights: float | None = None
    """As how many cases of equal weight the pairs tell; None: their weights are equal."""
    repeated: bool = False

    @property
    def measurably_worse(self) -> bool:
        """Whether the whole interval lies below zero."""
        return self.interval is not None and self.interval.high < 0

    @property
    def provable(self) -> bool:
        """Whether there are enough pairs to show the margin at all."""
        return self.paired >= self.fewest_cases

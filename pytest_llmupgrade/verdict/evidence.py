"""What a verdict goes by: how each case changed from the incumbent to the candidate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats import Pairs, repeated_difference, tango, weighted_pairs

if TYPE_CHECKING:
    from pytest_llmupgrade.stats import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One case that was judged on both models."""

    difference: float
    """Share of the completions that pass, the candidate's minus the incumbent's: -1 broke, 0 alike, 1 fixed."""
    category: str = "general"
    weight: float = 1.0
    """How many production requests the case stands for."""
    repeated: bool = False
    """Whether either model was asked more than once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """One case that ran and was not judged on both models."""

    category: str = "general"
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All cases of a comparison."""

    changes: tuple[Change, ...] = ()
    unpaired: int = 0
    """Cases without a verdict on both models: errored, skipped, or not run."""
    lost: tuple[Lost, ...] = ()
    """Those of the unpaired that ran on any model; the others are taken to weigh as much as the mean case."""

    @property
    def repeated(self) -> bool:
        """Whether any case was asked more than once."""
        return any(change.repeated for change in self.changes)

    @property
    def weighted(self) -> bool:
        """Whether the cases stand for unequal traffic."""
        return len({change.weight for change in self.changes}) > 1

    @property
    def pairs(self) -> Pairs:
        """The cases as pairs of equal weight: as they are, or as many effective ones; there must be a case."""
        if not self.weighted and not self.repeated:
            broke = sum(change.difference < 0 for change in self.changes)
            fixed = sum(change.difference > 0 for change in self.changes)
            return Pairs(broke=broke, fixed=fixed, n=len(self.changes))
        return weighted_pairs(self._differences, self._weights)

    def interval(self, confidence: float) -> Interval:
        """Return the difference with its interval, -1 to 1: Tango's, or the t interval of repeated cases."""
        if self.repeated:
            return repeated_difference(self._differences, self._weights, confidence=confidence)
        return tango(self.pairs, confidence=confidence)

    def of(self, category: str) -> Evidence:
        """Return the cases of one category."""
        lost = tuple(one for one in self.lost if one.category == category)
        changes = tuple(change for change in self.changes if change.category == category)
        return Evidence(changes=changes, unpaired=len(lost), lost=lost)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories by name."""
        return tuple(sorted({change.category for change in self.changes}))

    def at_best(self) -> Evidence:
        """Return the evidence as if the candidate had mended every case that has no verdict."""
        mended = (
            Change(difference=1.0, weight=weight, repeated=self.repeated) for weight in self._lost_weights
        )
        return Evidence(changes=(*self.changes, *mended))

    def lacks_more_than(self, most: float) -> bool:
        """Whether more than a share of the cases, or of the traffic that they stand for, is unpaired."""
        if self.unpaired > most * (len(self.changes) + self.unpaired):
            return True
        return self.lost_traffic is not None and self.lost_traffic > most

    @property
    def lost_traffic(self) -> float | None:
        """The share of the traffic that the unpaired cases stand for; None: all cases stand for as much."""
        lost, known = self._lost_weights, self._weights
        if len({*lost, *known}) < 2:  # noqa: PLR2004  several
            return None
        return math.fsum(lost) / math.fsum((*known, *lost))

    @property
    def _lost_weights(self) -> list[float]:
        """How much each unpaired case weighs, as far as is known; else as much as the mean of those that are."""
        lost = [one.weight for one in self.lost]
        known = [*self._weights, *lost]
        unknown = self.unpaired - len(lost)
        return [*lost, *[math.fsum(known) / len(known) if known else 1.0] * unknown]

    @property
    def _differences(self) -> list[float]:
        return [change.difference for change in self.changes]

    @property
    def _weights(self) -> list[float]:
        return [change.weight for change in self.changes]

"""What a verdict goes by: how each case changed from the incumbent to the candidate."""

from __future__ import annotations

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
class Evidence:
    """All cases of a comparison."""

    changes: tuple[Change, ...] = ()
    unpaired: int = 0
    """Cases without a verdict on both models: errored, skipped, or not run."""

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
        return Evidence(changes=tuple(change for change in self.changes if change.category == category))

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories by name."""
        return tuple(sorted({change.category for change in self.changes}))

    def at_best(self) -> Evidence:
        """Return the evidence as if the candidate had mended every case that has no verdict."""
        if not self.unpaired:
            return self
        mean = sum(self._weights) / len(self.changes)
        mended = Change(difference=1.0, weight=mean, repeated=self.repeated)
        return Evidence(changes=self.changes + (mended,) * self.unpaired)

    @property
    def _differences(self) -> list[float]:
        return [change.difference for change in self.changes]

    @property
    def _weights(self) -> list[float]:
        return [change.weight for change in self.changes]

"""What the gate reads: numbers of either arm in one step, and no units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.rollout.rollups import Counts, Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm's numbers; whoever counts elsewhere (a database, a simulation) may hand them over as they are."""

    requests: int = 0
    units: int = 0
    """Different units served."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """By event metric: different units to which it happened at least once."""
    rated: int = 0
    """Different units that gave a rating."""
    moments: Mapping[str, Moments] = field(default_factory=dict)
    unanswered: int = 0
    """Requests that raised into the product."""
    first_ms: int | None = None
    """Unix time of the first request, milliseconds."""
    last_ms: int | None = None


def side_of(counts: Counts) -> Side:
    """Return the numbers of an arm's counts."""
    return Side(
        requests=counts.requests,
        units=len(counts.units),
        failed={name: len(units) for name, units in counts.failed.items()},
        rated=len(counts.rated),
        moments=counts.moments,
        unanswered=counts.unanswered,
        first_ms=counts.first_ms,
        last_ms=counts.last_ms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """About how much more would decide."""

    requests: int
    """Of both arms."""
    ms: int | None
    """How long they take at the pace so far; None: the pace is not known."""

    @property
    def words(self) -> str:
        """As read by people."""
        words = f"about {wording.rounded(self.requests)} more requests"
        return words if self.ms is None else f"{words}, {wording.rough_duration(self.ms)} at this pace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """What happened in a step to either arm."""

    share: float
    """Of the units, to the new arm, 0 to 1."""
    new: Side
    old: Side

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

    def need(self, requests: int) -> Need:
        """Return what so many further requests take."""
        if not self.lasted_ms or not self.requests:
            return Need(requests=requests, ms=None)
        return Need(requests=requests, ms=round(requests * self.lasted_ms / self.requests))

    def need_of_time(self, ms: float) -> Need | None:
        """Return what a further time brings at the pace so far; None where the pace is not known."""
        if not self.lasted_ms:
            return None
        return Need(requests=round(ms * self.requests / self.lasted_ms), ms=round(ms))

"""What the gate reads: numbers of either arm in one step, and no units."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.rollups import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_llmupgrade.rollout.rollups import Counts, Moments

_CUT = 0.01
_ALIKE = 0.95
"""Of the whole time: traffic is not quite even."""


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
    minutes: Mapping[int, int] = field(default_factory=dict)
    """Requests by minute since 1970, where whoever counts knows them."""
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
        minutes=counts.minutes,
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
        """From the first request to the last one, or what the bulk of them says where a few lie far off: clocks may be wrong."""
        whole, bulk = self._whole_ms, self._bulk_ms
        return whole if bulk is None or bulk >= _ALIKE * whole else bulk

    @property
    def _whole_ms(self) -> int:
        first = [each.first_ms for each in (self.new, self.old) if each.first_ms is not None]
        last = [each.last_ms for each in (self.new, self.old) if each.last_ms is not None]
        return max(last) - min(first) if first and last else 0

    @property
    def _bulk_ms(self) -> int | None:
        """How long the requests but for the first and the last 1 % (at least one) make it; None: no minutes are known."""
        minutes = Counter(self.new.minutes)
        minutes.update(self.old.minutes)
        count = minutes.total()
        cut = max(1.0, _CUT * count)
        if count <= 2 * cut:
            return 0 if count else None
        first, last = _after(sorted(minutes), minutes, cut), _after(sorted(minutes)[::-1], minutes, cut)
        return round((last - first + 1) * MINUTE_MS / (1 - 2 * cut / count))

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


def _after(order: Iterable[int], minutes: Mapping[int, int], cut: float) -> int:
    """Return the minute in which more than `cut` requests have been passed."""
    passed = 0
    for minute in order:
        passed += minutes[minute]
        if passed > cut:
            break
    return minute

"""Which questions become cases: bottom-k samples of the distinct ones, one for each stratum, in constant memory.

A question's rank is a keyed hash of its text, and each stratum keeps the lowest. So duplicates meet by themselves, the
order of files and lines changes nothing, and whatever is kept in the end has been kept since it was first seen: how
often it was asked is counted exactly (the bottom-k sketch of Cohen and Kaplan, PODC 2007).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_llmupgrade.logs.exchange import Exchange

MAX_CASES = 10_000
"""Cases of one file without --sample: more would neither be read by people nor fit an eval file."""
_MAX_STRATA = 1_000
_MAX_HELD = 20_000
_MAX_BYTES = 24 << 20
"""Of the log; parsed, they take three to five times as much."""
_SPACE = 1 << 64


@dataclass(slots=True)
class Kept:
    """A question that may become a case, with the best of its answers."""

    rank: int
    exchange: Exchange
    source: tuple[str, int]
    size: int
    count: float = 1
    """Requests that asked this."""

    @property
    def order(self) -> tuple[float, tuple[str, int]]:
        """Of answers to the same question the best rated comes first, then the first in the logs."""
        return -self.exchange.rating, self.source


class Stratum:
    """The lowest-ranked questions of one group."""

    __slots__ = ("_heap", "kept", "overflowed", "requests")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self.kept: dict[int, Kept] = {}
        self.requests = 0
        self.overflowed = False

    def takes(self, rank: int, most: int) -> bool:
        """Tell whether a new question is among the lowest."""
        return len(self._heap) < most or rank < -self._heap[0]

    def put(self, kept: Kept) -> None:
        """Take a new question in."""
        self.kept[kept.rank] = kept
        heappush(self._heap, -kept.rank)

    def drop(self) -> int:
        """Give the highest-ranked up and return its size."""
        self.overflowed = True
        return self.kept.pop(-heappop(self._heap)).size

    @property
    def distinct(self) -> int:
        """How many questions were seen; estimated where not all could be kept."""
        if not self.overflowed or not self._heap:
            return len(self.kept)
        return round((len(self._heap) - 1) * _SPACE / -self._heap[0])


class Pool:
    """Takes every Exchange of the logs and keeps what a sample may need."""

    def __init__(self, sample: int | None) -> None:
        self._sample = sample
        self._most = max(2 * sample, sample + 100) if sample else MAX_CASES + 1
        self._held = 0
        self._bytes = 0
        self.strata: dict[tuple[str, ...], Stratum] = {}

    def add(self, group: tuple[str, ...], kept: Kept) -> None:
        """Take one request in; UsageError where there are too many groups or cases."""
        stratum = self.strata.get(group) or self._new(group)
        stratum.requests += 1
        same = stratum.kept.get(kept.rank)
        if same is not None:
            same.count += 1
            self._better(same, kept)
        elif stratum.takes(kept.rank, self._most):
            stratum.put(kept)
            self._held += 1
            self._bytes += kept.size
            self._keep_within(stratum)
        else:
            stratum.overflowed = True

    def _new(self, group: tuple[str, ...]) -> Stratum:
        if len(self.strata) >= _MAX_STRATA:
            raise UsageError(
                f"--by makes more than {_MAX_STRATA:,} groups; choose coarser ones, or --by none"
            )
        self.strata[group] = Stratum()
        return self.strata[group]

    def _better(self, same: Kept, other: Kept) -> None:
        if other.order < same.order:
            self._bytes += other.size - same.size
            same.exchange, same.source, same.size = other.exchange, other.source, other.size

    def _keep_within(self, stratum: Stratum) -> None:
        if len(stratum.kept) > self._most:
            self._drop(stratum)
        while self._held > self._limit or self._bytes > _MAX_BYTES:
            self._shrink()

    @property
    def _limit(self) -> int:
        return _MAX_HELD if self._sample else MAX_CASES

    def _shrink(self) -> None:
        """Keep half as much of each stratum: a bottom-k sketch cut short is one still."""
        if self._sample is None:
            raise UsageError(f"more than {MAX_CASES:,} cases, or too long ones; draw some: --sample 200")
        if self._most <= 1:
            raise UsageError(
                "the records are too long to hold one for each group; choose coarser ones: --by none"
            )
        self._most //= 2
        for stratum in self.strata.values():
            while len(stratum.kept) > self._most:
                self._drop(stratum)

    def _drop(self, stratum: Stratum) -> None:
        self._bytes -= stratum.drop()
        self._held -= 1

    def joined(self) -> dict[tuple[str, ...], list[Kept]]:
        """Return each stratum's questions by rank; one that is in several stays in the first."""
        seen: dict[int, tuple[Kept, Stratum]] = {}
        found: dict[tuple[str, ...], list[Kept]] = defaultdict(list)
        for group in sorted(self.strata):
            stratum = self.strata[group]
            for rank in sorted(stratum.kept):
                kept = stratum.kept[rank]
                if rank in seen:
                    first, home = seen[rank]
                    first.count += kept.count
                    home.requests += int(kept.count)
                    stratum.requests -= int(kept.count)
                else:
                    seen[rank] = kept, stratum
                    found[group].append(kept)
        return found


def quotas(sample: int, requests: list[int], available: list[int]) -> list[int]:
    """Return how many cases each stratum gives: by its requests, at least one, at most what there is."""
    given = [min(1, most) for most in available]
    total = sum(requests) or 1
    while sum(given) < min(sample, sum(available)):
        short = [
            (given[at] - sample * count / total, at)
            for at, count in enumerate(requests)
            if given[at] < available[at]
        ]
        given[min(short)[1]] += 1
    return given


def weighed(chosen: Iterable[Kept], requests: int) -> Iterator[tuple[Kept, float]]:
    """Yield a stratum's cases with their weights, which sum up to its requests."""
    listed = list(chosen)
    total = sum(one.count for one in listed)
    for one in listed:
        yield one, one.count * requests / total

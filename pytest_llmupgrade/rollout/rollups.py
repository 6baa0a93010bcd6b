"""Counts per step and arm: what a minute's rollup holds, how rollups merge, and their JSON form.

A unit that fails twenty times is one unit: first failures are sets of unit hashes, not counts, so that a union over
processes and hosts counts each unit once wherever it was served.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pytest_llmupgrade.rollout.sketch import LAST_BIN, pack_units, quantile_ms, unpack_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_llmupgrade.rollout.config import ArmName, Mode

VERSION = 1
MINUTE_MS = 60_000
_MOST = 2**53
_Name = TypeVar("_Name", str, int)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Key:
    """What counts are kept apart by; steps are never pooled."""

    rollout: str
    mode: Mode
    step: float
    """The percentage that was in force; 0: the new arm was stopped, or nobody was to get it."""
    arm: ArmName
    """The arm assigned, whichever answered in the end (intention to treat)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Enough of a quantity for its mean and variance, per request."""

    count: int = 0
    """Requests in which it was known."""
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean per request; None where it was never known."""
        return self.total / self.count if self.count else None


class HowMany(AbstractSet[int]):
    """A set of units that somebody else counted: its size is known, its members are not, so it joins no other set."""

    __slots__ = ("_count",)

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> NoReturn:
        raise TypeError("these units were counted, not kept: they join no others")

    def __contains__(self, _unit: object) -> NoReturn:
        self.__iter__()

    def __repr__(self) -> str:
        return f"HowMany({self._count})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What happened in one step and arm."""

    requests: int = 0
    units: AbstractSet[int] = frozenset()
    """Hashes of the units served."""
    failed: Mapping[str, AbstractSet[int]] = field(default_factory=dict)
    """By event metric: the units to which it happened at least once."""
    rated: AbstractSet[int] = frozenset()
    """The units that gave a rating: what `rating` metrics divide by."""
    events: Mapping[str, int] = field(default_factory=dict)
    """By event metric: how often it happened, for shares per request; never for the tests."""
    moments: Mapping[str, Moments] = field(default_factory=dict)
    """By quantity: cost_usd, latency_ms, first_token_ms, input_tokens, output_tokens."""
    latency: Mapping[int, int] = field(default_factory=dict)
    """Requests by bin of `sketch.latency_bin`."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """By kind of failure of the assigned arm."""
    fallbacks: int = 0
    """Requests that the other arm answered."""
    unanswered: int = 0
    """Requests that raised into the product."""
    minutes: Mapping[int, int] = field(default_factory=dict)
    """Requests by minute since 1970: one slow clock is no duration."""
    first_ms: int | None = None
    """Unix time of the first request, milliseconds."""
    last_ms: int | None = None

    def __add__(self, other: Counts) -> Counts:
        return total([self, other])

    def first_failures(self, metric: str) -> int:
        """Return how many units an event metric happened to at least once."""
        return len(self.failed.get(metric, ()))

    def quantile_ms(self, share: float) -> float | None:
        """Return a quantile of the latency, milliseconds, right within 9 %."""
        return quantile_ms(self.latency, share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """One line of a rollup file: a minute of one process."""

    process: str
    minute: int
    """Minutes since 1970 in which it was written."""
    through: int
    """The sequence number of the last event that this process's rollups, up to this one, have counted."""
    rows: int = 1
    """How many lines were written at once, for that `through`; where some are missing, a kill cut the writing."""
    lost: int = 0
    """Events that this process could not write, up to this line."""
    key: Key
    counts: Counts


def complete(rollups: Iterable[Rollup]) -> list[Rollup]:
    """Return the rollups of one process without those whose writing a kill cut; their events are still there."""
    groups: dict[int, list[Rollup]] = {}
    for rollup in rollups:
        groups.setdefault(rollup.through, []).append(rollup)
    return [rollup for group in groups.values() if len(group) == group[0].rows for rollup in group]


def merged(parts: Iterable[tuple[Key, Counts]]) -> dict[Key, Counts]:
    """Return the counts of many rollups, processes or hosts, by step and arm."""
    found: dict[Key, list[Counts]] = {}
    for key, counts in parts:
        found.setdefault(key, []).append(counts)
    return {key: total(counts) for key, counts in found.items()}


def total(parts: Sequence[Counts]) -> Counts:
    """Return what several counts of one step and arm come to; sets are united at once, for there may be a rollup a minute."""
    if len(parts) == 1:
        return parts[0]
    return Counts(
        requests=sum(part.requests for part in parts),
        units=_union(part.units for part in parts),
        failed=_by_name((part.failed for part in parts), _union),
        rated=_union(part.rated for part in parts),
        events=_by_name((part.events for part in parts), sum),
        moments=_by_name((part.moments for part in parts), _moments_sum),
        latency=_by_name((part.latency for part in parts), sum),
        errors=_by_name((part.errors for part in parts), sum),
        fallbacks=sum(part.fallbacks for part in parts),
        unanswered=sum(part.unanswered for part in parts),
        minutes=_by_name((part.minutes for part in parts), sum),
        first_ms=min((part.first_ms for part in parts if part.first_ms is not None), default=None),
        last_ms=max((part.last_ms for part in parts if part.last_ms is not None), default=None),
    )


def _by_name(maps: Iterable[Mapping[_Name, Any]], add: Callable[[list[Any]], Any]) -> dict[_Name, Any]:
    found: dict[_Name, list[Any]] = {}
    for each in maps:
        for name, value in each.items():
            found.setdefault(name, []).append(value)
    return {name: add(values) for name, values in found.items()}


def _union(sets: Iterable[AbstractSet[int]]) -> frozenset[int]:
    nobody: frozenset[int] = frozenset()
    return nobody.union(*sets)


def _moments_sum(parts: list[Moments]) -> Moments:
    return Moments(
        count=sum(part.count for part in parts),
        total=sum(part.total for part in parts),
        squares=sum(part.squares for part in parts),
    )


# --- the line of a file ----------------------------------------------------------------------------


def to_line(rollup: Rollup) -> str:
    """Return a rollup as one line of JSON, without the line's end."""
    counts = rollup.counts
    plain = {
        "v": VERSION,
        "process": rollup.process,
        "minute": rollup.minute,
        "through": rollup.through,
        "rows": rollup.rows,
        "lost": rollup.lost,
        "rollout": rollup.key.rollout,
        "mode": rollup.key.mode,
        "step": rollup.key.step,
        "arm": rollup.key.arm,
        "requests": counts.requests,
        "units": pack_units(counts.units),
        "failed": {name: pack_units(units) for name, units in counts.failed.items()},
        "rated": pack_units(counts.rated),
        "events": dict(counts.events),
        "moments": {name: [each.count, each.total, each.squares] for name, each in counts.moments.items()},
        "latency": {str(number): count for number, count in counts.latency.items()},
        "errors": dict(counts.errors),
        "fallbacks": counts.fallbacks,
        "unanswered": counts.unanswered,
        "minutes": {str(minute): count for minute, count in counts.minutes.items()},
        "first_ms": counts.first_ms,
        "last_ms": counts.last_ms,
    }
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)


def from_line(line: str | bytes) -> Rollup:
    """Return the rollup of a line; ValueError where it is none, as when a kill cut it."""
    try:
        plain = json.loads(line)
        if plain["v"] != VERSION:
            raise ValueError(f"version {plain['v']} of a rollup is not read here")
        return _rollup(plain)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no rollup: {type(error).__name__}: {error}") from None


def _rollup(plain: Mapping[str, Any]) -> Rollup:
    if plain["arm"] not in ("old", "new") or plain["mode"] not in ("live", "shadow"):
        raise ValueError("no rollup: an unknown arm or mode")
    return Rollup(
        process=str(plain["process"]),
        minute=_count(plain["minute"]),
        through=_count(plain["through"]),
        rows=_count(plain["rows"]),
        lost=_count(plain["lost"]),
        key=Key(
            rollout=str(plain["rollout"]), mode=plain["mode"], step=float(plain["step"]), arm=plain["arm"]
        ),
        counts=_counts(plain),
    )


def _counts(plain: Mapping[str, Any]) -> Counts:
    return Counts(
        requests=_count(plain["requests"]),
        units=unpack_units(plain["units"]),
        failed={name: unpack_units(units) for name, units in plain["failed"].items()},
        rated=unpack_units(plain["rated"]),
        events={name: _count(count) for name, count in plain["events"].items()},
        moments={name: _moments(*each) for name, each in plain["moments"].items()},
        latency={_bin(number): _count(count) for number, count in plain["latency"].items()},
        errors={kind: _count(count) for kind, count in plain["errors"].items()},
        fallbacks=_count(plain["fallbacks"]),
        unanswered=_count(plain["unanswered"]),
        minutes=_minutes(plain),
        first_ms=None if plain["first_ms"] is None else _count(plain["first_ms"]),
        last_ms=None if plain["last_ms"] is None else _count(plain["last_ms"]),
    )


def _minutes(plain: Mapping[str, Any]) -> dict[int, int]:
    """Return requests by minute; a line that an earlier version wrote has its first and its last one only."""
    if "minutes" in plain:
        return {_count(minute): _count(count) for minute, count in plain["minutes"].items()}
    if plain["first_ms"] is None or plain["last_ms"] is None:
        return {}
    requests, first, last = (_count(plain[name]) for name in ("requests", "first_ms", "last_ms"))
    halves = Counter({first // MINUTE_MS: requests - requests // 2})
    halves.update({last // MINUTE_MS: requests // 2})
    return halves


def _moments(count: float, total: float, squares: float) -> Moments:
    if not (math.isfinite(total) and math.isfinite(squares)):
        raise ValueError("no rollup: a sum that is no number")
    return Moments(count=_count(count), total=float(total), squares=float(squares))


def _bin(text: str) -> int:
    number = int(text)
    if not 0 <= number <= LAST_BIN:
        raise ValueError("no rollup: no bin of a latency")
    return number


def _count(value: Any) -> int:
    count = int(value)
    if not 0 <= count < _MOST:
        raise ValueError("no rollup: no count")
    return count

"""Counts events, one by one: the writer's minute and a reader's recount are the same code."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_llmupgrade.rollout.rollups import MINUTE_MS, Counts, Key, Moments, Rollup
from pytest_llmupgrade.rollout.sides import Side
from pytest_llmupgrade.rollout.sketch import latency_bin

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.events import Event


class Tally:
    """Counts under way, by step and arm."""

    def __init__(self) -> None:
        self._cells: dict[Key, _Cell] = {}

    def __bool__(self) -> bool:
        return bool(self._cells)

    def add(self, event: Event) -> None:
        """Count an event; ValueError where it is none, and then nothing is counted."""
        try:
            kind = event["type"]
            if kind == "lost":
                return
            key = _key(event)
            unit = int(event["unit"], 16)
            cell = self._cells.setdefault(key, _Cell())
            if kind == "rating":
                cell.rating(event, unit)
            else:
                cell.call(event, unit)
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"no event: {type(error).__name__}: {error}") from None

    def counts(self) -> dict[Key, Counts]:
        """Return what was counted so far."""
        return {key: cell.counts() for key, cell in self._cells.items()}

    def side(self, key: Key) -> Side:
        """Return the numbers of one step and arm so far, without a copy of its units."""
        cell = self._cells.get(key)
        return Side() if cell is None else cell.side()

    def rollups(self, *, process: str, minute: int, through: int, lost: int = 0) -> list[Rollup]:
        """Return what was counted as the lines of a rollup file."""
        cells = self.counts()
        return [
            Rollup(
                process=process,
                minute=minute,
                through=through,
                rows=len(cells),
                lost=lost,
                key=key,
                counts=counts,
            )
            for key, counts in cells.items()
        ]

    def clear(self) -> None:
        """Begin anew."""
        self._cells.clear()


def _key(event: Event) -> Key:
    arm, mode = event["arm"], event["mode"]
    if arm not in ("old", "new") or mode not in ("live", "shadow"):
        raise ValueError("no event: an unknown arm or mode")
    return Key(rollout=event["rollout"], mode=mode, step=float(event["step"]), arm=arm)


@dataclass(slots=True)
class _Sum:
    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        if math.isfinite(value):
            self.count += 1
            self.total += value
            self.squares += value * value


@dataclass(slots=True)
class _Cell:
    """One step and arm."""

    requests: int = 0
    units: set[int] = field(default_factory=set)
    failed: dict[str, set[int]] = field(default_factory=dict)
    rated: set[int] = field(default_factory=set)
    events: dict[str, int] = field(default_factory=dict)
    sums: dict[str, _Sum] = field(default_factory=dict)
    latency: dict[int, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    fallbacks: int = 0
    unanswered: int = 0
    minutes: dict[int, int] = field(default_factory=dict)
    first_ms: int | None = None
    last_ms: int | None = None

    def call(self, event: Event, unit: int) -> None:
        at, latency, served = int(event["t"]), float(event["ms"]), event["served"]
        self.requests += 1
        self.units.add(unit)
        self.minutes[at // MINUTE_MS] = self.minutes.get(at // MINUTE_MS, 0) + 1
        self.first_ms = at if self.first_ms is None else min(self.first_ms, at)
        self.last_ms = at if self.last_ms is None else max(self.last_ms, at)
        if "error" in event:
            self.errors[event["error"]] = self.errors.get(event["error"], 0) + 1
        self._hit(event, unit)
        if event.get("cancelled"):
            return  # its figures measure the caller's patience
        self.fallbacks += served is not None and served != event["arm"]
        self.unanswered += served is None
        number = latency_bin(latency)
        self.latency[number] = self.latency.get(number, 0) + 1
        self._measure(event, latency)

    def rating(self, event: Event, unit: int) -> None:
        self.rated.add(unit)
        self._hit(event, unit)

    def _measure(self, event: Event, latency: float) -> None:
        self._sum("latency_ms", latency)
        if "first_token_ms" in event:
            self._sum("first_token_ms", float(event["first_token_ms"]))
        if "tokens" in event:
            self._sum("input_tokens", float(event["tokens"][0]))
            self._sum("output_tokens", float(event["tokens"][2]))
        if "cost_usd" in event:
            self._sum("cost_usd", float(event["cost_usd"]))

    def _sum(self, name: str, value: float) -> None:
        self.sums.setdefault(name, _Sum()).add(value)

    def _hit(self, event: Event, unit: int) -> None:
        for name in event.get("hits", ()):
            self.failed.setdefault(name, set()).add(unit)
            self.events[name] = self.events.get(name, 0) + 1

    def side(self) -> Side:
        return Side(
            requests=self.requests,
            units=len(self.units),
            failed={name: len(units) for name, units in self.failed.items()},
            rated=len(self.rated),
            moments=self._moments(),
            unanswered=self.unanswered,
            minutes=dict(self.minutes),
            first_ms=self.first_ms,
            last_ms=self.last_ms,
        )

    def _moments(self) -> dict[str, Moments]:
        return {
            name: Moments(count=each.count, total=each.total, squares=each.squares)
            for name, each in self.sums.items()
        }

    def counts(self) -> Counts:
        return Counts(
            requests=self.requests,
            units=frozenset(self.units),
            failed={name: frozenset(units) for name, units in self.failed.items()},
            rated=frozenset(self.rated),
            events=dict(self.events),
            moments=self._moments(),
            latency=dict(self.latency),
            errors=dict(self.errors),
            fallbacks=self.fallbacks,
            unanswered=self.unanswered,
            minutes=dict(self.minutes),
            first_ms=self.first_ms,
            last_ms=self.last_ms,
        )

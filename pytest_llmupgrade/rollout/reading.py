"""What the sink's folder holds, counted: rollups, and the events that no rollup has counted yet.

So a kill -9 loses no figure of an event that was written: the last minute is counted again from its events.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.rollout import rollups
from pytest_llmupgrade.rollout.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_llmupgrade.rollout.events import Event
    from pytest_llmupgrade.rollout.rollups import Counts, Key, Rollup

_EVENTS = re.compile(r"events-(.+)-([0-9]{5,})\.jsonl")
_ROLLUPS = re.compile(r"rollups-(.+)\.jsonl")
_MOST = 2**53
_NUMBER = re.compile(rb'\{"seq":([0-9]{1,18}),')


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything in one or more sinks."""

    counts: Mapping[Key, Counts]
    torn: int = 0
    """Lines that a kill or a full disk cut: never acknowledged, not counted."""
    lost: int = 0
    """Events that their process could not write."""
    processes: int = 0


def read_folder(folder: Path) -> Found:
    """Return the counts of all processes that wrote into a folder; OSError where it cannot be read."""
    names = sorted(path.name for path in folder.iterdir())
    processes = sorted(
        {found[1] for name in names if (found := _EVENTS.fullmatch(name) or _ROLLUPS.fullmatch(name))}
    )
    parts = [_read_process(folder, process, names) for process in processes]
    return join(parts)


def join(parts: Iterable[Found]) -> Found:
    """Return what several sinks hold together, as from several hosts."""
    totals: dict[Key, Counts] = {}
    torn = lost = processes = 0
    for part in parts:
        torn, lost, processes = torn + part.torn, lost + part.lost, processes + part.processes
        for key, counts in part.counts.items():
            totals[key] = totals[key] + counts if key in totals else counts
    return Found(counts=totals, torn=torn, lost=lost, processes=processes)


def recount(folder: Path) -> Found:
    """Return the counts of all events, without the rollups: what the rollups must equal."""
    lines = _Lines()
    tally = Tally()
    for path in sorted(folder.glob("events-*.jsonl")):
        for event in lines.events(path, after=-1):
            lines.count(tally, event)
    return Found(counts=tally.counts(), torn=lines.torn, lost=lines.lost)


def pairs(folder: Path) -> Iterator[tuple[Event, Event]]:
    """Yield both events of each request that had a shadow: the old arm's, the new arm's."""
    lines = _Lines()
    waiting: dict[str, Event] = {}
    for path in sorted(folder.glob("events-*.jsonl")):
        for event in lines.events(path, after=-1):
            if event.get("mode") != "shadow" or event.get("type") not in ("call", "shadow"):
                continue
            other = waiting.pop(str(event.get("call")), None)
            if other is None:
                waiting[str(event.get("call"))] = event
            else:
                yield (other, event) if event["type"] == "shadow" else (event, other)


def _read_process(folder: Path, process: str, names: list[str]) -> Found:
    lines = _Lines()
    written = rollups.complete(lines.rollups(folder / f"rollups-{process}.jsonl"))
    through = max((rollup.through for rollup in written), default=-1)
    lost = max((rollup.lost for rollup in written), default=0)
    tally = Tally()
    chapters = [name for name in names if (found := _EVENTS.fullmatch(name)) and found[1] == process]
    for name in _from_the_end(folder, chapters, through):
        for event in lines.events(folder / name, after=through):
            lines.count(tally, event)
    counts = join([Found(counts=rollups.merged(written)), Found(counts=tally.counts())]).counts
    return Found(counts=counts, torn=lines.torn, lost=lost + lines.lost, processes=1)


def _from_the_end(folder: Path, chapters: list[str], through: int) -> Iterator[str]:
    """Yield the files that may hold events after a number, the newest first."""
    for name in reversed(chapters):
        yield name
        with (folder / name).open("rb") as file:
            first = _NUMBER.match(file.readline())
        if first is not None and int(first[1]) <= through:
            return


def _sound(event: object) -> bool:
    """Return whether a line has the shape of an event, so that none is counted by half."""
    match event:
        case {"type": "lost", "count": int() as count}:
            return 0 <= count < _MOST
        case {"type": "call" | "shadow", "t": int() as at, "ms": int() | float() as latency, **rest}:
            return 0 <= at < _MOST and _number(latency) and _sound_parts(rest)
        case {"type": "rating", **rest}:
            return _sound_parts(rest)
        case _:
            return False


def _sound_parts(event: Mapping[Any, Any]) -> bool:
    hits, tokens = event.get("hits", []), event.get("tokens", [0, 0, 0])
    return (
        isinstance(event.get("rollout"), str)
        and isinstance(event.get("unit"), str)
        and isinstance(event.get("error", ""), str)
        and isinstance(hits, list)
        and all(isinstance(hit, str) for hit in hits)
        and isinstance(tokens, list)
        and len(tokens) == 3  # noqa: PLR2004  input, cached, output
        and all(map(_number, (*tokens, event.get("first_token_ms", 0), event.get("cost_usd", 0))))
    )


def _number(value: Any) -> bool:
    try:
        return 0 <= float(value) < float("inf")
    except (TypeError, ValueError, OverflowError):
        return False


class _Lines:
    """Reads lines, and counts those that are none."""

    def __init__(self) -> None:
        self.torn = 0
        self.lost = 0

    def rollups(self, path: Path) -> Iterator[Rollup]:
        for line in self._whole(path):
            try:
                yield rollups.from_line(line)
            except ValueError:
                self.torn += 1

    def events(self, path: Path, *, after: int) -> Iterator[Event]:
        """Yield the events numbered above `after`; the number stands first, so older lines are not parsed."""
        for line in self._whole(path):
            number = _NUMBER.match(line)
            if number is not None and int(number[1]) <= after:
                continue
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                self.torn += 1
                continue
            if number is not None and _sound(event):
                yield event
            else:
                self.torn += 1

    def count(self, tally: Tally, event: Event) -> None:
        if event["type"] == "lost":
            self.lost += event["count"]
        try:
            tally.add(event)
        except ValueError:
            self.torn += 1

    def _whole(self, path: Path) -> Iterator[bytes]:
        """Yield the lines that end; what stands after the last end may still be being written."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return  # pruned, or not written yet
        with file:
            for line in file:
                if line.endswith(b"\n") and line != b"\n":
                    yield line

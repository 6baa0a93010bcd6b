"""What the sink's folder holds, counted: rollups, and the events that no rollup has counted yet.

So a kill -9 loses no figure of an event that was written: the last minute is counted again from its events.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.rollout import rollups
from pytest_llmupgrade.rollout.events import VERSION
from pytest_llmupgrade.rollout.places import by_name, files_at, files_in, told
from pytest_llmupgrade.rollout.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_llmupgrade.rollout.events import Event
    from pytest_llmupgrade.rollout.places import Place, RecordFile
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

    @property
    def missing(self) -> int:
        """Events that nobody can count."""
        return self.torn + self.lost


def read_records(sink: Path, places: Sequence[Place] = ()) -> Found:
    """Return the counts of a sink, which need not be there yet, and of further folders or URLs with all that is in them.

    UsageError names the place that is missing or cannot be read: evidence without a host is none.
    """
    files = _files(sink, places)
    with told(sink, *places):
        return _read(files)


def _files(sink: Path, places: Sequence[Place]) -> dict[str, RecordFile]:
    files: list[RecordFile] = []
    with told(sink), suppress(FileNotFoundError):  # nothing is recorded yet
        files += files_in(sink)
    for place in places:
        with told(place):
            files += files_at(place)
    return by_name(files)


def read_folder(folder: Path) -> Found:
    """Return the counts of all processes that wrote into a folder; OSError where it cannot be read."""
    return _read(by_name(files_in(folder)))


def _read(files: Mapping[str, RecordFile]) -> Found:
    chapters: dict[str, list[RecordFile]] = {}
    for name in sorted(files):
        if found := _EVENTS.fullmatch(name):
            chapters.setdefault(found[1], []).append(files[name])
        elif found := _ROLLUPS.fullmatch(name):
            chapters.setdefault(found[1], [])
    return join(
        _read_process(files.get(f"rollups-{process}.jsonl"), events) for process, events in chapters.items()
    )


def join(parts: Iterable[Found]) -> Found:
    """Return what several sinks hold together, as from several hosts."""
    whole = tuple(parts)
    return Found(
        counts=rollups.merged(each for part in whole for each in part.counts.items()),
        torn=sum(part.torn for part in whole),
        lost=sum(part.lost for part in whole),
        processes=sum(part.processes for part in whole),
    )


def recount(folder: Path) -> Found:
    """Return the counts of all events, without the rollups: what the rollups must equal."""
    lines = _Lines()
    tally = Tally()
    for event in lines.all_events(by_name(files_in(folder))):
        lines.count(tally, event)
    return Found(counts=tally.counts(), torn=lines.torn, lost=lines.lost)


def pairs(sink: Path, places: Sequence[Place] = ()) -> Iterator[tuple[Event, Event]]:
    """Yield both events of each request that had a shadow, in the places of `read_records`: the old arm's, the new arm's."""
    files = _files(sink, places)
    with told(sink, *places):
        yield from _pairs(files)


def _pairs(files: Mapping[str, RecordFile]) -> Iterator[tuple[Event, Event]]:
    lines = _Lines()
    waiting: dict[str, Event] = {}
    for event in lines.all_events(files):
        if event.get("mode") != "shadow" or event.get("type") not in ("call", "shadow"):
            continue
        other = waiting.pop(str(event.get("call")), None)
        if other is None:
            waiting[str(event.get("call"))] = event
        else:
            yield (other, event) if event["type"] == "shadow" else (event, other)


def _read_process(file: RecordFile | None, chapters: list[RecordFile]) -> Found:
    """Return the counts of a process's rollups, and of the events after them; `chapters` are its files of events, in order."""
    lines = _Lines()
    written = rollups.complete(lines.rollups(file))
    through = max((rollup.through for rollup in written), default=-1)
    lost = max((rollup.lost for rollup in written), default=0)
    tally = Tally()
    for chapter in _from_the_end(chapters, through):
        for event in lines.events(chapter, after=through):
            lines.count(tally, event)
    parts = [*((rollup.key, rollup.counts) for rollup in written), *tally.counts().items()]
    return Found(counts=rollups.merged(parts), torn=lines.torn, lost=lost + lines.lost, processes=1)


def _from_the_end(chapters: list[RecordFile], through: int) -> Iterator[RecordFile]:
    """Yield the files that may hold events after a number, the newest first."""
    for file in reversed(chapters):
        yield file
        first = _NUMBER.match(next(_whole(file), b""))
        if first is not None and int(first[1]) <= through:
            return


def _sound(event: object) -> bool:
    """Return whether a line has the shape of an event, so that none is counted by half, and none of a later form."""
    match event:
        case {"v": version} if version != VERSION:
            return False
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

    def rollups(self, file: RecordFile | None) -> Iterator[Rollup]:
        for line in _whole(file) if file is not None else ():
            try:
                yield rollups.from_line(line)
            except ValueError:
                self.torn += 1

    def all_events(self, files: Mapping[str, RecordFile]) -> Iterator[Event]:
        for name in sorted(files):
            if _EVENTS.fullmatch(name):
                yield from self.events(files[name], after=-1)

    def events(self, file: RecordFile, *, after: int) -> Iterator[Event]:
        """Yield the events numbered above `after`; the number stands first, so older lines are not parsed."""
        for line in _whole(file):
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


def _whole(file: RecordFile) -> Iterator[bytes]:
    """Yield the lines that end; what stands after the last end may still be being written."""
    try:
        opened = file.open()
    except FileNotFoundError:
        return  # pruned meanwhile
    with opened:
        for line in opened:
            if line.endswith(b"\n") and line != b"\n":
                yield line

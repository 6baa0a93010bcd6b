"""Logs into Exchanges: each file's format recognised by its records, batches joined with their requests."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.logs.exchange import Exchange, Skip, unreadable
from pytest_llmupgrade.logs.formats import FORMATS, WRAPPERS, Format, expanded, recognised
from pytest_llmupgrade.logs.opening import STDIN, opened
from pytest_llmupgrade.logs.records import records
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_llmupgrade.logs.mapping import Mapped
    from pytest_llmupgrade.logs.records import Raw

_PEEK = 50
"""Records among which the format is looked for."""
_NO_OBJECT = unreadable("no JSON object")
_UNKNOWN = unreadable(
    "none of the known formats: name it with --format, or say where things are with --map, "
    "such as --map input=request.prompt --map expected=response.text"
)
_INPUT, _OUTPUT = "openai-batch", "openai-batch-output"
_NO_RESPONSE = Skip(reason="no response in the batch's output")


class Read(NamedTuple):
    """What became of one record; a named tuple, for a million of them are made."""

    file: str
    line: int
    result: Exchange | Skip
    size: int
    kind: str = ""
    """The format of most of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How the logs are to be read."""

    format: str | None = None
    """None: recognised."""
    mapped: Mapped | None = None
    told: Callable[[int], None] = lambda _count: None
    """Hears how many bytes of the files each read took."""


def read_logs(files: Sequence[str], how: How) -> Iterator[Read]:
    """Yield every record of the logs, those of a batch joined with their responses."""
    if how.format is not None and how.format not in FORMATS:
        hint = nearest(how.format, FORMATS) or f"Known: {', '.join(FORMATS)}"
        raise UsageError(f"--format {how.format}: unknown. {hint}")
    again = [file for file in files if file != STDIN and Path(file).is_file()]  # a pipe is read once
    kinds = {} if how.mapped else {file: _kind(file, how) for file in again}
    outputs = [file for file in files if kinds.get(file) == _OUTPUT]
    if outputs and _INPUT in kinds.values():
        with closing(sqlite3.connect("")) as joined:
            yield from _keep(outputs, how, joined)
            for file in files:
                if file not in outputs:
                    yield from _read(file, how, joined)
    else:
        for file in files:
            yield from _read(file, how, None)


def _kind(file: str, how: How) -> str | None:
    with opened(file) as stream:
        found = _recognised(list(islice(records(stream), _PEEK)))
    return found.name if found and how.format in (None, _INPUT, found.name) else None


def _recognised(head: Sequence[Raw]) -> Format | None:
    kinds = (recognised(one) for raw in head for one in expanded(raw.value))
    return next((kind for kind in kinds if kind), None)


def _read(file: str, how: How, joined: sqlite3.Connection | None) -> Iterator[Read]:
    with opened(file, how.told) as stream:
        source = records(stream)
        head = list(islice(source, _PEEK))
        kind = FORMATS[how.format] if how.format else _recognised(head)
        name = "mapped" if how.mapped else kind.name if kind else "of no known format"
        for line, value, size in chain(head, source):
            if type(value) is dict and WRAPPERS.isdisjoint(value):
                yield Read(file, line, _result(value, kind, how, joined), size, name)
            elif isinstance(value, Skip):
                yield Read(file, line, value, size, name)
            else:
                for inner in expanded(value):
                    yield Read(file, line, _result(inner, kind, how, joined), size, name)


def _result(value: Any, kind: Format | None, how: How, joined: sqlite3.Connection | None) -> Exchange | Skip:
    if type(value) is not dict:
        return _NO_OBJECT
    if how.mapped:
        return how.mapped.read(value)
    if kind is None or not kind.fits(value):
        if how.format:
            return unreadable(f"not {how.format}")
        kind = recognised(value)
        if kind is None:
            return _UNKNOWN
    if joined is not None and kind.name == _INPUT:
        return _joined(value, kind, joined)
    return kind.read(value)


# --- batches ---------------------------------------------------------------------------------------


def _keep(outputs: Sequence[str], how: How, joined: sqlite3.Connection) -> Iterator[Read]:
    """Put the responses into a database that lives on disk for as long as this takes; yield what is unreadable."""
    joined.execute("CREATE TABLE answers (id TEXT PRIMARY KEY, record TEXT) WITHOUT ROWID")
    for file in outputs:
        with opened(file, how.told) as stream:
            for raw in records(stream):
                value = raw.value
                if isinstance(value, Skip):
                    yield Read(file, raw.line, value, raw.size)
                elif not isinstance(value, dict) or not isinstance(value.get("custom_id"), str):
                    yield Read(file, raw.line, unreadable("no custom_id"), raw.size)
                else:
                    kept = json.dumps({"response": value.get("response"), "error": value.get("error")})
                    joined.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (_id(value), kept))


def _id(value: dict[str, Any]) -> str:
    return json.dumps(value["custom_id"])  # a lone surrogate is no text for SQLite


def _joined(value: dict[str, Any], kind: Format, joined: sqlite3.Connection) -> Exchange | Skip:
    row = joined.execute("SELECT record FROM answers WHERE id = ?", (_id(value),)).fetchone()
    if row is None:
        return _NO_RESPONSE
    return kind.read({**value, **json.loads(row[0])})

"""Answers by request key, on disk before anybody sees them.

A commit is synced: it survives kill -9 of the process and, as far as the disk is honest, a power cut.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self, TextIO

from pytest_llmupgrade.store.failover import Failover
from pytest_llmupgrade.store.rows import Entry, completion_of, row_of, unpack

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_llmupgrade.model import Completion
    from pytest_llmupgrade.store.rows import Answered

_GET = "SELECT answer FROM answers WHERE key = ? AND created >= ?"
_PUT = "INSERT OR REPLACE INTO answers (key, model, endpoint, created, answer, request) VALUES (?, ?, ?, ?, ?, ?)"
_KEYS = "SELECT key FROM answers ORDER BY created, key"
_ENTRY = "SELECT key, model, endpoint, created, request, answer FROM answers WHERE key = ?"
_COUNTS = "SELECT model, count(*), min(created), max(created) FROM answers GROUP BY model"
_LEARN = "INSERT OR IGNORE INTO adaptations (place, adaptation, created) VALUES (?, ?, ?)"
_LEARNT = "SELECT adaptation FROM adaptations WHERE place = ? ORDER BY created, rowid"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """What a store holds."""

    answers: int
    by_model: Mapping[str, int]
    size_bytes: int
    """Of the file and its WAL; 0 in memory."""
    oldest: float | None
    newest: float | None
    """Seconds since 1970."""


class Store:
    """The store of one process; any thread may use it, and several processes may share its file."""

    def __init__(self, path: Path | None, *, clock: Callable[[], float] = time.time) -> None:
        self._databases, self._clock = Failover(path), clock

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Open or make the store; what is wrong with the file is told by `notices`, never raised."""
        return cls(path, clock=clock)

    @classmethod
    def in_memory(cls, *, clock: Callable[[], float] = time.time) -> Self:
        """Make a store that ends with the process."""
        return cls(None, clock=clock)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user must know of this store, one line each, in the order in which it came up."""
        return tuple(self._databases.notices)

    # --- answers -----------------------------------------------------------------------------------

    def get(self, key: str, *, since: float = 0.0) -> Completion | None:
        """Return the stored answer to the request with that key, if it was stored at `since` or later."""
        for (packed,) in self._databases.rows(_GET, key, since):
            try:
                return completion_of(packed)
            except ValueError:
                continue  # a row that cannot be read is one that is not there; the next answer replaces it
        return None

    def put_many(self, answers: Sequence[Answered]) -> None:
        """Store answers in one commit; when this returns they are durable, or a notice says why not."""
        now = self._clock()
        rows = [row_of(answered, now) for answered in answers]
        self._databases.write(lambda connection: connection.executemany(_PUT, rows))

    # --- adaptations -------------------------------------------------------------------------------

    def remember_adaptation(self, place: str, adaptation: Mapping[str, Any]) -> None:
        """Remember a change, as plain JSON, that requests to a place (endpoint, API, model) need."""
        row = (place, json.dumps(adaptation, sort_keys=True), self._clock())
        self._databases.write(lambda connection: connection.execute(_LEARN, row))

    def adaptations(self, place: str) -> tuple[Any, ...]:
        """Return what was remembered for a place, oldest first."""
        texts = dict.fromkeys(text for (text,) in self._databases.rows(_LEARNT, place))
        return tuple(json.loads(text) for text in texts)

    # --- for commands ------------------------------------------------------------------------------

    def entries(self) -> Iterator[Entry]:
        """Yield every stored answer, oldest first; one that cannot be read is left out."""
        for key in dict.fromkeys(key for (key,) in self._databases.rows(_KEYS)):
            for row in self._databases.rows(_ENTRY, key)[:1]:
                entry = _entry(row)
                if entry is not None:
                    yield entry

    def export(self, stream: TextIO) -> int:
        """Write every answer as a line of JSON and return how many there were."""
        count = 0
        for entry in self.entries():
            stream.write(json.dumps(asdict(entry)) + "\n")
            count += 1
        return count

    def stats(self) -> StoreStats:
        """Return what the store holds."""
        by_model: dict[str, int] = {}
        times: list[float] = []
        for model, count, oldest, newest in self._databases.rows(_COUNTS):
            by_model[model] = by_model.get(model, 0) + count
            times += (oldest, newest)
        return StoreStats(
            answers=sum(by_model.values()),
            by_model=by_model,
            size_bytes=_size(self._databases.path) if self._databases.on_disk else 0,
            oldest=min(times, default=None),
            newest=max(times, default=None),
        )

    def prune(self, older_than: float) -> int:
        """Delete answers stored before a moment (seconds since 1970), and return how many; the file shrinks."""
        deleted = 0

        def delete(connection: sqlite3.Connection) -> None:
            nonlocal deleted
            deleted = connection.execute("DELETE FROM answers WHERE created < ?", (older_than,)).rowcount

        self._databases.write(delete)
        if deleted:
            self._databases.vacuum()
        return deleted

    def close(self) -> None:
        """Close the file; what is in memory ends here."""
        self._databases.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _entry(row: tuple[Any, ...]) -> Entry | None:
    key, model, endpoint, created, request, answer = row
    try:
        plain = {"request": unpack(request), "completion": unpack(answer)}
    except (ValueError, zlib.error):
        return None
    return Entry(key=key, model=model, endpoint=endpoint, created=created, **plain)


def _size(path: Path | None) -> int:
    files = [path, path.with_name(path.name + "-wal")] if path is not None else []
    return sum(file.stat().st_size for file in files if file.exists())

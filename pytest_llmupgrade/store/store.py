"""Answers by request, and what models were found to refuse."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_llmupgrade.codec import (
    completion_from_plain,
    completion_to_plain,
    request_from_plain,
    request_to_plain,
)
from pytest_llmupgrade.store.connection import Connection
from pytest_llmupgrade.store.database import frozen_reader_of, in_memory, opened, reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pytest_llmupgrade.model import Completion, JsonObject, Request

Adapted: TypeAlias = tuple[str, str, str]
"""Endpoint, API and the model's name on the wire: what an adaptation holds for."""
_Row: TypeAlias = tuple[str, str, str, float, bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One answer in the store."""

    key: str
    created: float
    """Seconds since the epoch."""
    request: Request
    completion: Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """What a store holds."""

    answers: int
    by_model: tuple[tuple[str, int], ...]
    """Name and number of answers, most first."""
    bytes: int
    """Size of the database without its log."""
    oldest: float | None
    """Seconds since the epoch."""
    newest: float | None


class Store:
    """Keeps answers; where the disk refuses, it goes on in memory and says so once in `notices`."""

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self.path = path
        self.notices: tuple[str, ...] = ()
        """What the user should hear, in order."""
        self._since = time.time() if fresh else 0.0
        self._spare: Connection | None = None
        self._degrading = threading.Lock()
        try:
            writer, notice = opened(path)
            self._writer = Connection(writer)
            self._readers: tuple[Connection, ...] = (Connection(reader_of(path)),)
        except (OSError, sqlite3.Error) as error:
            frozen = frozen_reader_of(path)
            self._readers = () if frozen is None else (Connection(frozen),)
            self._degrade(error)
        else:
            self.notices = (notice,) if notice else ()

    @classmethod
    def open(cls, path: Path, *, fresh: bool = False) -> Store:
        """Open or create a store; with `fresh`, answers from before this moment are not found."""
        return cls(path, fresh=fresh)

    @property
    def persistent(self) -> bool:
        """False where answers are kept in memory only."""
        return self._spare is None

    def get(self, key: str) -> Completion | None:
        """Return the answer to a request's key, with the origin 'stored'; None where there is none."""
        sql = "select completion from answers where key = ? and created >= ?"
        for (data,) in self._rows(sql, (key, self._since)):
            completion = _completion(data)
            if completion is not None:
                return replace(completion, origin="stored")
        return None

    def put_many(self, entries: Iterable[tuple[Request, Completion]]) -> None:
        """Keep answers: all of them are durable when it returns; it never raises for a full or failing disk."""
        now = max(time.time(), self._since)  # a clock that steps back must not hide what this run paid for
        rows = [_row(request, completion, now) for request, completion in entries]
        sql = "insert or replace into answers values (?, ?, ?, ?, ?, ?)"
        self._write(lambda connection: connection.executemany(sql, rows))

    def remember_adaptation(self, place: Adapted, adaptation: JsonObject) -> None:
        """Keep what a model refuses, as plain JSON, for later runs."""
        row = (*place, json.dumps(adaptation, sort_keys=True), time.time())
        sql = "insert or ignore into adaptations values (?, ?, ?, ?, ?)"
        self._write(lambda connection: connection.execute(sql, row))

    def adaptations(self) -> dict[Adapted, tuple[JsonObject, ...]]:
        """Return what models were found to refuse, oldest first."""
        found: dict[Adapted, tuple[JsonObject, ...]] = {}
        sql = "select endpoint, api, model, adaptation from adaptations order by created"
        for endpoint, api, model, text in self._rows(sql):
            place = (endpoint, api, model)
            found[place] = (*found.get(place, ()), json.loads(text))
        return found

    def answers(self) -> Iterator[Stored]:
        """Yield all answers, oldest first; those that cannot be read any more are left out."""
        sql = "select key, created, request, completion from answers order by created, key"
        for key, created, request, completion in self._rows(sql):
            asked, answered = _request(request), _completion(completion)
            if asked is not None and answered is not None:
                yield Stored(key=key, created=created, request=asked, completion=answered)

    def export(self) -> Iterator[str]:
        """Yield one line of JSON for each answer: key, created, request, completion."""
        for stored in self.answers():
            plain = {
                "key": stored.key,
                "created": stored.created,
                "request": request_to_plain(stored.request),
                "completion": completion_to_plain(stored.completion),
            }
            yield json.dumps(plain, ensure_ascii=False)

    def prune(self, older_than: float) -> int:
        """Delete answers from before this moment (seconds since the epoch) and return how many there were."""
        gone = 0

        def delete(connection: sqlite3.Connection) -> None:
            nonlocal gone
            gone += connection.execute("delete from answers where created < ?", (older_than,)).rowcount

        self._write(delete)
        return gone

    def stats(self) -> StoreStats:
        """Return what the store holds."""
        by_model: Counter[str] = Counter()
        for model, count in self._rows("select model, count(*) from answers group by model"):
            by_model[model] += count
        times = self._rows("select min(created), max(created) from answers where true having count(*) > 0")
        size = "select page_count * page_size from pragma_page_count(), pragma_page_size()"
        return StoreStats(
            answers=by_model.total(),
            by_model=tuple(by_model.most_common()),
            bytes=sum(count for (count,) in self._rows(size)),
            oldest=min((first for first, _ in times), default=None),
            newest=max((last for _, last in times), default=None),
        )

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        for connection in (*self._readers, self._writer):
            connection.close()

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        return [row for connection in self._readers for row in connection.rows(sql, values)]

    def _write(self, change: Callable[[sqlite3.Connection], object]) -> None:
        try:
            self._writer.change(change)
        except sqlite3.Error as error:
            with self._degrading:
                if self._spare is None:  # another thread may have met the same disk
                    self._degrade(error)
            self._writer.change(change)

    def _degrade(self, error: Exception) -> None:
        """Go on in memory, so that the run still makes each call once; what the disk holds is read on."""
        self._spare = self._writer = Connection(in_memory())
        self._readers += (self._spare,)
        where = "answers are kept in memory only, and a later run pays for them again"
        self.notices += (f"the response store {self.path} cannot be written ({error}): {where}",)


def _row(request: Request, completion: Completion, now: float) -> _Row:
    return (
        request.key,
        request.model,
        request.endpoint,
        now,
        _packed(request_to_plain(request)),
        _packed(completion_to_plain(completion)),
    )


def _packed(plain: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), 1)


def _unpacked(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))


def _completion(data: bytes) -> Completion | None:
    try:
        return completion_from_plain(_unpacked(data))
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError):
        return None


def _request(data: bytes) -> Request | None:
    try:
        return request_from_plain(_unpacked(data))
    except (zlib.error, ValueError, TypeError, KeyError):
        return None

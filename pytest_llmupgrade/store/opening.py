"""Opening the store's file: made, recognised, or set aside where it is corrupt or somebody else's."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
APPLICATION_ID = 0x4C4C4D55  # "LLMU"
BUSY_S = 30.0
"""How long a process waits for another one's commit."""

_TABLES = """
CREATE TABLE answers (
  key TEXT PRIMARY KEY, model TEXT NOT NULL, endpoint TEXT NOT NULL, created REAL NOT NULL,
  answer NOT NULL, request NOT NULL
);
CREATE TABLE adaptations (
  place TEXT NOT NULL, adaptation TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (place, adaptation)
);
"""
_TRIES, _PAUSE_S = 100, 0.05


class ForeignFileError(Exception):
    """The file is no store: it is corrupt, or another program's."""


class NewerStoreError(Exception):
    """The file was written by a newer version of this package."""


def connect(path: Path) -> sqlite3.Connection:
    """Open or make the store; ForeignFileError, NewerStoreError, or sqlite3.OperationalError where it cannot be written."""
    connection = _connected(str(path))
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a store that cannot be written to; sqlite3.Error or ForeignFileError where there is none."""
    # Without a place for the lock files only an immutable file can be read; what is only in the WAL is not seen.
    connection = _connected(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    if not _is_current(connection):
        connection.close()
        raise ForeignFileError
    return connection


def in_memory() -> sqlite3.Connection:
    """Open a store that ends with the process."""
    connection = _connected(":memory:")
    _create(connection)
    return connection


def set_aside(path: Path) -> Path:
    """Rename a file that is no store, its WAL with it, and return its new name; OSError where it cannot be."""
    stem = f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}"
    numbers = (path.with_name(f"{stem}{suffix}") for suffix in ("", *(f"-{n}" for n in range(2, 100))))
    target = next(candidate for candidate in numbers if not candidate.exists())
    path.rename(target)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(target.with_name(target.name + suffix))
    return target


# --- inside ----------------------------------------------------------------------------------------


def _connected(name: str, *, uri: bool = False) -> sqlite3.Connection:
    # Several threads use it, one at a time: the store holds a lock.
    return sqlite3.connect(name, timeout=BUSY_S, isolation_level=None, check_same_thread=False, uri=uri)


def _prepare(connection: sqlite3.Connection) -> None:
    try:
        # FULL syncs each commit: what was committed survives a power cut, not only the process's death.
        connection.execute("PRAGMA synchronous = FULL")
        if not _is_current(connection):
            _create(connection)
        _use_wal(connection)
        connection.execute("SELECT 1 FROM answers LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise ForeignFileError(str(error)) from None


def _is_current(connection: sqlite3.Connection) -> bool:
    """Whether the file is a store of this version."""
    return _number(connection, "PRAGMA application_id") == APPLICATION_ID and (
        _number(connection, "PRAGMA user_version") == VERSION
    )


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file; raises where it is something else than that or a store by now."""
    # What the file is can only be told while no other process is making it.
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _is_current(connection):
            _check_empty(connection)
            for statement in _TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_empty(connection: sqlite3.Connection) -> None:
    application = _number(connection, "PRAGMA application_id")
    if application == APPLICATION_ID and _number(connection, "PRAGMA user_version") > VERSION:
        raise NewerStoreError
    if application or _number(connection, "SELECT count(*) FROM sqlite_master"):
        raise ForeignFileError("another program's database")


def _number(connection: sqlite3.Connection, question: str) -> int:
    return int(connection.execute(question).fetchone()[0])


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL; two processes that do so at once find it locked, and SQLite does not wait by itself."""
    for tried in range(_TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or tried == _TRIES - 1:
                raise
            time.sleep(_PAUSE_S)

"""Opening the database: its schema, and what becomes of a file that is none of ours."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
APPLICATION = 0x4C4C_4D55  # "LLMU": tells our files from other people's databases
BUSY_S = 30.0
"""How long to wait for another process's transaction."""

_SCHEMA = """
create table answers (
  key text primary key,
  model text not null,
  endpoint text not null,
  created real not null,  -- seconds since the epoch
  request blob not null,  -- zlib of the request's JSON
  completion blob not null  -- zlib of the completion's JSON
) without rowid;
create index answers_by_time on answers (created);
create table adaptations (
  endpoint text not null,
  api text not null,
  model text not null,
  adaptation text not null,  -- JSON
  created real not null,
  primary key (endpoint, api, model, adaptation)
) without rowid;
"""


class Foreign(Exception):  # noqa: N818  it names the file, not a failure
    """The file is no store of ours, or of a version that this code does not know."""


def opened(path: Path) -> tuple[sqlite3.Connection, str | None]:
    """Open or create a store; return what the user should hear, if anything.

    A corrupt or foreign file is set aside. OSError or sqlite3.Error where the place cannot be written at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)  # prompts and answers may be private
    before = _identity(path)
    try:
        return _connect(path), None
    except (Foreign, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # locked, read-only, full: the file itself may be sound
        if _identity(path) != before:
            return _connect(path), None  # another process has just set it aside
        aside = _set_aside(path)
        return _connect(
            path
        ), f"the response store {path} {_why(error)}: set aside as {aside.name}, begun anew"


def in_memory() -> sqlite3.Connection:
    """Return a store that lasts as long as the process, for where no file can be written."""
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    connection.executescript(_SCHEMA)
    return connection


def reader_of(path: Path) -> sqlite3.Connection:
    """Open a second connection to a store that `opened` has made, so that reading never waits for a commit."""
    connection = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
    connection.execute("pragma query_only = on")
    return connection


def frozen_reader_of(path: Path) -> sqlite3.Connection | None:
    """Open a store that may only be read, as on a read-only file system; None where there is none to read."""
    try:
        if path.with_name(path.name + "-wal").exists():
            return None  # part of it is in a log that cannot be read without writing
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
        if _marks(connection) == (APPLICATION, VERSION):
            return connection
        connection.close()
    except (OSError, sqlite3.Error):
        pass
    return None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
    try:
        # Before anything is written: a foreign database must not even be switched to WAL.
        _refuse_foreign(connection)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_foreign(connection: sqlite3.Connection) -> None:
    application, version = _marks(connection)
    tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
    if tables == 0:
        return
    if application != APPLICATION:
        raise Foreign("is another program's database")
    if version != VERSION:
        raise Foreign(f"has version {version}, this is version {VERSION}")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("begin immediate")  # of several processes, one creates
    try:
        if _marks(connection) != (APPLICATION, VERSION):
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"pragma application_id = {APPLICATION}")
            connection.execute(f"pragma user_version = {VERSION}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _marks(connection: sqlite3.Connection) -> tuple[int, int]:
    application = connection.execute("pragma application_id").fetchone()[0]
    return application, connection.execute("pragma user_version").fetchone()[0]


def _identity(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, Foreign) else "is corrupt"


def _set_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        # They belong to the old file: a new one must not be read with them.
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    return aside

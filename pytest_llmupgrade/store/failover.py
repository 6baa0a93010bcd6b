"""The store's file, and the memory that takes over where the file fails: a run goes on, and says once what it lost."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.store import opening

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FOR_THIS_RUN = "new answers are kept in memory for this run only"


class Failover:
    """One or two databases: the file while it works, memory from when it does not; any thread may use it."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.notices: list[str] = []
        self._lock = threading.RLock()
        # A reader of its own never waits for a commit to be synced. Who holds its lock never asks for the other.
        self._read_lock = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._memory: sqlite3.Connection | None = None
        self._inode: int | None = None
        if path is None:
            self._memory = opening.in_memory()
        else:
            self._open(path)

    @property
    def on_disk(self) -> bool:
        """Whether what is written now outlives the process."""
        return self._memory is None and self._writer is not None

    def rows(self, question: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Return what all databases answer, memory first; one that fails answers nothing."""
        found: list[tuple[Any, ...]] = []
        if self._memory is not None:
            with self._lock:
                found += self._memory.execute(question, arguments) if self._memory is not None else ()
        try:
            with self._read_lock:
                return found + self._reader.execute(question, arguments).fetchall() if self._reader else found
        except sqlite3.Error as error:
            with self._lock:
                self._failed(error)
        return found

    def write(self, change: Callable[[sqlite3.Connection], Any]) -> None:
        """Make a change in one commit, in memory where the file refuses it."""
        with self._lock:
            if not self._written_to_disk(change) and self._memory is not None:
                _in_one_commit(self._memory, change)

    def vacuum(self) -> None:
        """Give the room of what was deleted back to the disk, unless another process is at work."""
        with self._lock, suppress(sqlite3.OperationalError):
            if self._writer is not None:
                self._writer.execute("VACUUM")

    def close(self) -> None:
        """Close every database; what is in memory ends here, and nothing is found or kept from now on."""
        with self._lock:
            self._close_disk()
            if self._memory is not None:
                self._memory.close()
            self._memory = None

    # --- inside ------------------------------------------------------------------------------------

    def _written_to_disk(self, change: Callable[[sqlite3.Connection], Any]) -> bool:
        for _ in range(2):  # a corrupt file gets a new one in its place, once
            if self._memory is not None or self._writer is None:
                return False
            try:
                _in_one_commit(self._writer, change)
            except sqlite3.Error as error:
                last = error
                self._failed(error)
            else:
                return True
        self._give_up(last)
        return False

    def _open(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._opened(path)
            self._reader = opening.connect(path)
            self._inode = path.stat().st_ino
        except opening.NewerStoreError:
            self._memory = opening.in_memory()
            self.notices.append(f"{path}: written by a newer version; {_FOR_THIS_RUN}")
        except (OSError, sqlite3.Error, opening.ForeignFileError) as error:
            self._close_disk()
            self._give_up(error)
            self._reader = _readable(path)

    def _opened(self, path: Path) -> sqlite3.Connection:
        try:
            return opening.connect(path)
        except opening.ForeignFileError as error:
            self._set_aside(path, error)
            return opening.connect(path)

    def _failed(self, error: sqlite3.Error) -> None:
        """Go on without what failed: a corrupt file is set aside, a full or vanished disk gives way to memory."""
        if isinstance(error, sqlite3.OperationalError) or self._writer is None or self.path is None:
            self._give_up(error)
            return
        self._close_disk()
        try:
            if self.path.stat().st_ino == self._inode:  # else another process has replaced it by now
                self._set_aside(self.path, error)
        except OSError as problem:
            self._give_up(problem)
        else:
            self._open(self.path)

    def _set_aside(self, path: Path, error: Exception) -> None:
        aside = opening.set_aside(path)
        self.notices.append(f"{path}: {error}; it was renamed to {aside.name}, and a new store was begun")

    def _give_up(self, error: Exception) -> None:
        if self._memory is None:
            self._memory = opening.in_memory()
            self.notices.append(f"{self.path}: cannot be written ({error}); {_FOR_THIS_RUN}")

    def _close_disk(self) -> None:
        with self._read_lock:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None


def _readable(path: Path) -> sqlite3.Connection | None:
    try:
        return opening.connect_read_only(path) if path.is_file() else None
    except (OSError, sqlite3.Error, opening.ForeignFileError, opening.NewerStoreError):
        return None


def _in_one_commit(connection: sqlite3.Connection, change: Callable[[sqlite3.Connection], Any]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        change(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself where the disk is full
            connection.execute("ROLLBACK")
        raise

"""One connection to the database, for any thread, one thread at a time."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Connection:
    """A connection and the lock that guards it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def rows(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        """Return all rows; none where the database cannot be read, since what is not found is asked for anew."""
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error:
                return []

    def change(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Do all of a change, durably, or none of it; sqlite3.Error where it cannot be done."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                change(self._connection)
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    def close(self) -> None:
        """Close it; it is of no use afterwards."""
        with self._lock:
            self._connection.close()

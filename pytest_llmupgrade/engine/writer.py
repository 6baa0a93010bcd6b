"""Commits answers in groups: while one group is being flushed to the disk, the next one gathers."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.engine.flight import Flight
    from pytest_llmupgrade.engine.ports import Shelf
    from pytest_llmupgrade.model import Completion

_MOST = 256
"""Answers in one transaction, so that the first of a crowd need not wait for the last."""


class Writer:
    """A thread that puts answers on the shelf and only then says `written`, once for each group."""

    def __init__(self, shelf: Shelf, written: Callable[[list[tuple[Flight, Completion]]], object]) -> None:
        self._shelf, self._written = shelf, written
        self._queue: SimpleQueue[tuple[Flight, Completion] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="llmupgrade-store", daemon=True)
        self._thread.start()

    def write(self, flight: Flight, completion: Completion) -> None:
        """Take an answer; returns at once."""
        self._queue.put((flight, completion))

    def stop(self) -> None:
        """Write what was taken, then end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._gathered()
            if group:
                self._shelf.put_many((flight.request, completion) for flight, completion in group)
                self._written(group)

    def _gathered(self) -> tuple[list[tuple[Flight, Completion]], bool]:
        entry = self._queue.get()
        group: list[tuple[Flight, Completion]] = []
        while entry is not None:
            group.append(entry)
            if len(group) == _MOST:
                return group, True
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return group, True
        return group, False

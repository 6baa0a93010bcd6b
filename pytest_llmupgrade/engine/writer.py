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
    """A thread that puts answers on the shelf and only then says `written`, once for each group.

    What no shelf can hold, such as a request that nests too deeply to be written down, is said to `refused`: whoever
    waits for it must hear of it, and the others must not wait for ever.
    """

    def __init__(
        self,
        shelf: Shelf,
        written: Callable[[list[tuple[Flight, Completion]]], object],
        refused: Callable[[Flight, Exception], object],
    ) -> None:
        self._shelf, self._written, self._refused = shelf, written, refused
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
                self._put(group)

    def _put(self, group: list[tuple[Flight, Completion]]) -> None:
        """Write a group; where that fails, each answer by itself, so that one costs none of the others."""
        try:
            self._shelf.put_many((flight.request, completion) for flight, completion in group)
        except Exception as error:  # noqa: BLE001  the thread must go on
            if len(group) == 1:
                self._refused(group[0][0], error)
                return
            for one in group:
                self._put([one])
        else:
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

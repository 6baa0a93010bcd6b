"""Writes what requests leave, in a thread of its own: a slow or full disk costs records, never a request.

An event is acknowledged once it is in the operating system's hands (it then survives kill -9, not a power cut);
`fsync: minute` asks the disk once a minute, `always` with every batch.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from pytest_llmupgrade.rollout import rollups
from pytest_llmupgrade.rollout.events import VERSION, CallEnd, call_event, to_line
from pytest_llmupgrade.rollout.files import Chapters, LineFile
from pytest_llmupgrade.rollout.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_llmupgrade.rollout.config import Sink
    from pytest_llmupgrade.rollout.events import Event

MOST_WAITING = 50_000
"""Events that wait while the disk is slow; further ones are lost, and counted."""
_BATCH = 1_000
_GATHER_S = 0.02  # what may wait so that lines are written together
_MINUTE_MS = 60_000
log = logging.getLogger("pytest_llmupgrade.rollout")


class EventLog:
    """A process's records. `put` is all that a request does; it never raises and never waits."""

    def __init__(self, folder: Path, sink: Sink, *, observe: Callable[[Event], None] | None = None) -> None:
        self._folder, self._sink, self._observe = folder, sink, observe
        self.lost = 0
        self.written = 0
        self.fault: str | None = None
        """Why the last write failed; None once one succeeds."""
        self._begin()

    def _begin(self) -> None:
        """Start without a thread and with nothing to write: at first, and in each child after a fork."""
        self._queue: deque[CallEnd | Event] = deque()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._unsaid = 0
        self._ready: list[Event] = []
        self._minute = _minute()
        self._take_name()

    def _take_name(self) -> None:
        """Take a name that no other process has, for files that count from nothing."""
        host = "".join(letter if letter.isalnum() else "_" for letter in socket.gethostname())[:40]
        self.process = f"{host}-{os.getpid()}-{int(time.time() * 1000):x}{secrets.token_hex(2)}"
        self._number = 0
        self._said = 0
        self._tally = Tally()
        keep = self._sink.keep
        self._events = Chapters(self._folder, self.process, rotate_bytes=self._sink.rotate_bytes, keep=keep)
        self._rollups = LineFile(self._folder / f"rollups-{self.process}.jsonl")

    def _let_go(self) -> None:
        self._events.close()
        self._rollups.close()

    def after_fork(self) -> None:
        """Leave the parent's files and queue to the parent."""
        self._let_go()  # of the child's copies of the handles
        self._begin()

    def put(self, item: CallEnd | Event) -> None:
        """Hand an event over; it is lost, and counted, where too many wait."""
        if len(self._queue) >= MOST_WAITING:
            self._lose(1)
            return
        self._queue.append(item)
        if self._thread is None:
            self._start()
        if not self._wake.is_set():
            self._wake.set()

    def flush(self, *, rollups: bool = False) -> bool:
        """Write what was put before; True once all of it is acknowledged. `rollups`: the counts so far, too."""
        with self._lock:
            done = self._drain()
            if rollups:
                done = self._roll_up() and done
            return done

    def close(self) -> None:
        """Write everything and stop the thread; a later `put` starts it again."""
        thread, self._thread = self._thread, None
        self._stop.set()
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)
        self.flush(rollups=True)
        self._let_go()

    # --- the thread --------------------------------------------------------------------------------

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stop,), name="llmupgrade-rollout-writer", daemon=True
                )
                self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            due = max(0.05, (self._minute + 1) * 60 - time.time())
            self._wake.wait(timeout=due)
            stop.wait(_GATHER_S)
            self._wake.clear()
            self.turn()
            if self.fault is not None:
                stop.wait(0.5)  # a full disk is not asked without pause

    def turn(self) -> None:
        """Write what waits, and the rollup of a minute that is over; what the thread does again and again."""
        try:
            with self._lock:
                self._drain()
                if _minute() != self._minute:
                    self._roll_up()
        except Exception as error:  # noqa: BLE001  whatever it is, the thread must go on
            self._failed(error)

    def _drain(self) -> bool:
        while self._queue or self._ready:
            if not self._ready:
                batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
                self._ready = [event for item in batch if (event := self._event(item)) is not None]
            if not self._write(self._ready):
                return False
            self._ready = []
        return self._say_lost()

    def _write(self, events: list[Event]) -> bool:
        """Write a batch and count it; what the disk refuses waits, unless some of it may be in the file."""
        if (
            self._events.gone
        ):  # with the sink, perhaps: what was counted is with the file, and what comes is another's
            self._let_go()
            self._take_name()
        lines = [self._line(event, number) for number, event in enumerate(events)]
        try:
            full = self._events.append(b"".join(line for line in lines if line is not None))
        except OSError as error:
            self._failed(error)
            if not self._events.clean:
                self._number += len(events)  # numbers that may be in the file are not used again
                self._ready = []
                self._lose(len(events))
            return False
        for event, line in zip(events, lines, strict=True):
            if line is not None:
                self._count(event)
        self._number += len(events)
        self.fault = None
        if self._sink.fsync == "always":
            self._sync()
        if full and self._roll_up():
            self._events.prune()
        return True

    def _count(self, event: Event) -> None:
        self.written += 1
        try:
            self._tally.add(event)
        except (ValueError, OverflowError) as error:  # it is in the file: to write it again would help nobody
            self._failed(error)

    def _event(self, item: CallEnd | Event) -> Event | None:
        """Work out an event and show it to the observer; None, and counted as lost, where it cannot be said."""
        try:
            event = call_event(item) if isinstance(item, CallEnd) else item
            if self._observe is not None:
                self._observe(event)
            return event
        except Exception as error:  # noqa: BLE001  a client's strange usage must not end the records
            self._failed(error)
            self._lose(1)
            return None

    def _line(self, event: Event, number: int) -> bytes | None:
        try:
            return to_line(event, self._number + number)
        except (TypeError, ValueError, RecursionError) as error:
            self._failed(error)
            self._lose(1)
            return None

    def _say_lost(self) -> bool:
        """Leave in the file how many events are missing from it."""
        unsaid, self._unsaid = self._unsaid, 0
        if not unsaid:
            return True
        event: Event = {"v": VERSION, "type": "lost", "t": int(time.time() * 1000), "count": unsaid}
        try:
            self._events.append(to_line(event, self._number))
        except OSError:
            self._unsaid += unsaid
            return False
        self._said += unsaid
        self._number += 1
        return True

    def _roll_up(self) -> bool:
        """Write the counts since the last time; where the disk refuses them they are kept for the next."""
        minute = self._minute
        self._minute = _minute()
        if not self._tally:
            return True
        through = self._number - 1
        rows = self._tally.rollups(process=self.process, minute=minute, through=through, lost=self._said)
        try:
            self._rollups.append(b"".join(rollups.to_line(row).encode() + b"\n" for row in rows))
        except OSError as error:
            self._failed(error)
            return False
        self._tally.clear()
        if self._sink.fsync != "never":
            self._sync(self._rollups)
        return True

    def _sync(self, *others: LineFile) -> None:
        """Ask the disk; what it refuses is written all the same, and not to be written again."""
        try:
            self._events.sync()
            for other in others:
                other.sync()
        except OSError as error:
            self._failed(error)

    def _lose(self, count: int) -> None:
        self.lost += count
        self._unsaid += count

    def _failed(self, error: Exception) -> None:
        words = f"{type(error).__name__}: {error}"
        if self.fault is None:  # said once, not with every batch
            log.warning("rollout records cannot be written to %s: %s", self._folder, words)
        self.fault = words


def _minute() -> int:
    return int(time.time() * 1000) // _MINUTE_MS

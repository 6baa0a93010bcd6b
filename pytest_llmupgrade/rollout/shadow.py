"""Calls of the new arm beside the product's own: few at a time, dropped where too many wait, seen by nobody."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.rollout.driving import awaited
from pytest_llmupgrade.rollout.failures import failure_name

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pytest_llmupgrade.rollout.config import ShadowRule

IN_SHADOW: ContextVar[bool] = ContextVar("llmupgrade_in_shadow", default=False)


def in_shadow() -> bool:
    """Return whether this code runs for a shadow call, whose effects nobody asked for."""
    return IN_SHADOW.get()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a shadow call brought; its failure is what it is there to find."""

    started: float
    """`time.perf_counter()`."""
    value: object = None
    failure: str | None = None


def tried(call: Callable[[], Any]) -> Tried:
    """Call, and return what came of it."""
    started = time.perf_counter()
    try:
        return Tried(started=started, value=call())
    except Exception as error:  # noqa: BLE001  whatever it is, it is a value here
        return Tried(started=started, failure=failure_name(error))


async def atried(call: Callable[[], Any]) -> Tried:
    """Do so in a task of its own, whose context is the shadow's."""
    IN_SHADOW.set(True)
    started = time.perf_counter()
    try:
        return Tried(started=started, value=await awaited(call()))
    except Exception as error:  # noqa: BLE001  as above
        return Tried(started=started, failure=failure_name(error))


class Shadow:
    """The workers, started at the first call."""

    def __init__(self, rule: ShadowRule) -> None:
        self._rule = rule
        self.dropped = 0
        self._begin()

    def _begin(self) -> None:
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._threads: list[threading.Thread] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = threading.Lock()

    def after_fork(self) -> None:
        """Leave the parent's calls to the parent."""
        self._begin()

    def offer(self, job: Callable[[], None]) -> bool:
        """Take a call into the queue; False, and counted, where it is full."""
        if self._queue.qsize() >= self._rule.queue:
            self.dropped += 1
            return False
        self._queue.put(job)
        if len(self._threads) < self._rule.workers:
            self._start()
        return True

    def offer_in_loop(self, job: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Start a call in the running event loop; False, and counted, where as many are under way as workers."""
        if len(self._tasks) >= self._rule.workers:
            self.dropped += 1
            return False
        task = asyncio.get_running_loop().create_task(job())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def join(self) -> None:
        """Wait until the queue's calls have ended."""
        self._queue.join()

    def close(self) -> None:
        """Drop what waits, and let the workers end after their call."""
        threads, self._threads = self._threads, []
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
            self._queue.task_done()
            self.dropped += 1
        for _ in threads:
            self._queue.put(None)

    def _start(self) -> None:
        with self._starting:
            if len(self._threads) < self._rule.workers:
                thread = threading.Thread(target=self._work, name="llmupgrade-rollout-shadow", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self) -> None:
        IN_SHADOW.set(True)
        while True:
            job = self._queue.get()
            try:
                if job is None:
                    return
                job()
            finally:
                self._queue.task_done()

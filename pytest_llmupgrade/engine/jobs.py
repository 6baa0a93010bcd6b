"""A project's own functions, run ahead of the items that need them.

A coroutine runs on a loop of its own, beside the engine's, so that one that asks the engine and waits cannot stop
the engine; a plain function runs in a thread.
"""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, TypeAlias

from pytest_llmupgrade.engine.loop import LoopThread

Run: TypeAlias = Callable[[], Any]
"""Returns a value, or an awaitable of one."""
_Waiting: TypeAlias = tuple[Future[Any], Run]


class Jobs:
    """Runs jobs in the order of arrival, so many at once; any thread may call it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._futures: dict[str, Future[Any]] = {}
        self._waiting: deque[_Waiting] = deque()
        self._threads = 0
        self._loop: LoopThread | None = None
        self._over = False

    def put(self, key: str, run: Run) -> None:
        """Run a job unless its key is known."""
        with self._lock:
            if self._over or key in self._futures:
                return
            future = self._futures[key] = Future()
            self._waiting.append((future, run))
            begin = self._threads < self._most
            self._threads += begin
        if begin:
            threading.Thread(target=self._work, name="llmupgrade-job", daemon=True).start()

    def take(self, key: str) -> Future[Any] | None:
        """Return a job's future and forget the job; None where the key is not known. It goes before the others."""
        with self._lock:
            future = self._futures.pop(key, None)
            mine = next((entry for entry in self._waiting if entry[0] is future), None)
            if mine is not None:
                self._waiting.remove(mine)
                self._waiting.appendleft(mine)
            return future

    def wait(self, awaitable: Any) -> Any:
        """Run an awaitable on the loop of all jobs, so that a client may serve them all; return what it returns.

        CancelledError or RuntimeError where the run ended before it began; a coroutine that never began is closed.
        """
        whole = _awaited(awaitable)
        try:
            return self._started_loop().run(whole)
        except BaseException:
            for each in (whole, awaitable):
                if inspect.iscoroutine(each) and inspect.getcoroutinestate(each) == inspect.CORO_CREATED:
                    each.close()
            raise

    def cancel(self) -> None:
        """Begin no more jobs and cancel coroutines; a plain function that runs cannot be stopped, only left alone."""
        with self._lock:
            self._over = True
            waiting, self._waiting = self._waiting, deque()
            loop, self._loop = self._loop, None
        for future, _ in waiting:
            future.cancel()
        if loop is not None:
            loop.stop()

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            future, run = entry
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._value(run))
            except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
                future.set_exception(error)

    def _next(self) -> _Waiting | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._threads -= 1
            return None

    def _value(self, run: Run) -> Any:
        value = run()
        return self.wait(value) if inspect.isawaitable(value) else value

    def _started_loop(self) -> LoopThread:
        with self._lock:
            if self._over:
                raise CancelledError
            if self._loop is None:
                self._loop = LoopThread("llmupgrade-targets")
            return self._loop


async def _awaited(awaitable: Any) -> Any:
    return await awaitable

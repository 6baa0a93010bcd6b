"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

T = TypeVar("T")
_SLICE_S = 0.2
"""So long at most does Ctrl-C wait on Windows, where a lock cannot be interrupted."""
_LAST_WORDS_S = 1.0


class LoopThread:
    """Runs until it is stopped; a daemon, so that a forgotten one never keeps the interpreter alive."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def post(self, call: Callable[..., object], *values: Any) -> bool:
        """Call a function in the loop's thread, soon; False where the loop has ended."""
        try:
            self.loop.call_soon_threadsafe(call, *values)
        except RuntimeError:
            return False
        return True

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and return what it returns; RuntimeError where the loop has ended."""
        return wait_for(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    def wait_for(self, future: Future[T], otherwise: T, on_wait: Callable[[], object]) -> T:
        """Return a future's result, calling `on_wait` now and then; `otherwise` where the loop ends without one."""
        while True:
            try:
                return future.result(timeout=_SLICE_S)
            except TimeoutError:
                if not self._thread.is_alive() and not future.done():
                    return otherwise
                on_wait()

    def stop(self) -> None:
        """End the loop, cancel what still runs in it, and join its thread."""
        if self.post(self.loop.stop):
            self._thread.join()

    def _run(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(asyncio.sleep(0))  # what was handed in last becomes a task, too
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            if tasks:
                self.loop.run_until_complete(asyncio.wait(tasks, timeout=_LAST_WORDS_S))
            self.loop.close()


def wait_for(future: Future[T]) -> T:
    """Return a future's result; Ctrl-C gets through while it waits, on every system."""
    while True:
        try:
            return future.result(timeout=_SLICE_S)
        except TimeoutError:
            if future.done():
                raise  # the future's own error

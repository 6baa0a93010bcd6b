"""One call at a time, for whoever has no engine: a command that calibrates, a judge by itself, a script."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Protocol

from pytest_llmupgrade.model import CallFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.model import Answer, ModelSpec, Request

RETRIES = 2
LONGEST_WAIT_S = 20.0
"""A server that asks for a longer wait is not tried again."""
_FIRST_WAIT_S = 0.5
_WORTH_ANOTHER_TRY = frozenset({"rate_limit", "server", "connection"})


class Provider(Protocol):
    """What makes a single try."""

    async def acomplete(self, request: Request, spec: ModelSpec) -> Answer:
        """Return the answer, or why there is none."""

    def prepare(self) -> None:
        """Do what takes long before the first call, such as imports; may be called again."""

    async def aclose(self) -> None:
        """Release what the running event loop holds."""


class SequentialCompleter:
    """A Completer that any thread may call; the calls run on an event loop of its own."""

    def __init__(
        self,
        provider: Provider,
        specs: Mapping[str, ModelSpec],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._provider, self._specs, self._sleep = provider, specs, sleep
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def complete(self, request: Request) -> Answer:
        """Return the answer to a request, or why there is none, after two more tries where they may help."""
        spec = self._specs.get(request.model)
        if spec is None:
            return CallFailure(kind="not_found", message=f"{request.model}: no such model is declared")
        answer = self._try(request, spec)
        for tried in range(RETRIES):
            wait = wait_s(answer, tried)
            if wait is None:
                break
            self._sleep(wait)
            answer = self._try(request, spec)
        return answer

    def close(self) -> None:
        """Close the connections and the loop; later calls fail as 'cancelled'."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
            self._closed = True
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _try(self, request: Request, spec: ModelSpec) -> Answer:
        with self._lock:
            if self._closed:
                return _cancelled(spec)
            future = asyncio.run_coroutine_threadsafe(
                self._provider.acomplete(request, spec), self._started_loop()
            )
        try:
            return future.result()
        except CancelledError:
            return _cancelled(spec)

    def _started_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="llmupgrade-calls", daemon=True
            )
            self._thread.start()
        return self._loop

    async def _stop(self) -> None:
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await self._provider.aclose()


def wait_s(answer: Answer, tried: int) -> float | None:
    """Return how many seconds to wait before another try; None where it would not help."""
    if not isinstance(answer, CallFailure) or answer.kind not in _WORTH_ANOTHER_TRY:
        return None
    wait = _FIRST_WAIT_S * 2**tried if answer.retry_after_s is None else answer.retry_after_s
    return wait if wait <= LONGEST_WAIT_S else None


def _cancelled(spec: ModelSpec) -> CallFailure:
    return CallFailure(kind="cancelled", message=f"{spec.name}: not sent, the run is over")

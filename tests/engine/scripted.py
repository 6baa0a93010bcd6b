"""A provider that does what a test tells it to, on the engine's own loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.settings import EngineSettings
from pytest_llmupgrade.model import CallFailure, Completion, ModelSpec, Request, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_llmupgrade.engine.ports import Shelf
    from pytest_llmupgrade.model import Answer, FailureKind

SPEC = ModelSpec(name="m", wire_name="m")
WAIT_S = 20.0
"""How long a test waits for what must happen before it gives up."""
Script: TypeAlias = "Callable[[Request], Answer]"


def request(text: str, model: str = "m", repeat: int = 0) -> Request:
    """Return a call that says this."""
    return Request(
        model=model,
        endpoint="",
        body={"model": model, "messages": [{"role": "user", "content": text}]},
        repeat=repeat,
    )


def words(asked: Request) -> str:
    """Return what a call says."""
    body: Any = asked.body
    return str(body["messages"][0]["content"])


def echo(asked: Request) -> Completion:
    """Answer with the call's own words."""
    return Completion(text=words(asked), usage=Usage(input_tokens=10, output_tokens=2))


def failure(kind: FailureKind, *, retry_after_s: float | None = None) -> CallFailure:
    """Return a failure of this kind."""
    return CallFailure(kind=kind, message=f"m: {kind}", retry_after_s=retry_after_s)


class Scripted:
    """Answers by a function; while `held`, calls arrive and wait."""

    def __init__(self, script: Script = echo, *, held: bool = False) -> None:
        self.asked: list[str] = []
        self.most_at_once = 0
        self.cancelled = 0
        self.closed = False
        self.prepared_before = False
        """Whether it was prepared before it was asked for the first time."""
        self._script = script
        self._open = not held
        self._gates: list[asyncio.Future[None]] = []
        self._now = 0
        self._changed = threading.Condition()

    async def acomplete(self, asked: Request, _: ModelSpec) -> Answer:
        """Answer by the script."""
        with self._changed:
            self.asked.append(words(asked))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self._changed.notify_all()
        try:
            if not self._open:
                gate = asyncio.get_running_loop().create_future()
                self._gates.append(gate)
                await gate
            return self._script(asked)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._now -= 1

    def prepare(self) -> None:
        """Note that it was prepared, and how much had been asked before."""
        self.prepared_before = self.prepared_before or not self.asked

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True

    def wait_for(self, count: int) -> None:
        """Wait until so many calls have arrived."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.asked) >= count, WAIT_S)
        assert arrived, f"{len(self.asked)} of {count} calls arrived: {self.asked}"

    def release(self, engine: Engine) -> None:
        """Let all go that waits, now and later."""
        engine._thread.post(self._release)

    def _release(self) -> None:
        self._open = True
        for gate in self._gates:
            if not gate.done():
                gate.set_result(None)


@contextmanager
def running(
    provider: Scripted, settings: EngineSettings | None = None, *, shelf: Shelf | None = None, **more: Any
) -> Iterator[Engine]:
    """Run an engine on a scripted provider; without a probe, unless the settings ask for one."""
    engine = Engine(provider, {"m": SPEC}, shelf, settings or quick(), **more)
    try:
        yield engine
    finally:
        engine.close()


def quick(**values: Any) -> EngineSettings:
    """Return settings without a probe."""
    return EngineSettings(**{"probe_s": 0.0, **values})


def settle(engine: Engine) -> None:
    """Wait until the loop has dealt with everything it was told, callbacks of callbacks included."""
    for _ in range(5):
        done = threading.Event()
        engine._thread.post(done.set)
        assert done.wait(WAIT_S)

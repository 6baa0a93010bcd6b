"""A real HTTP server on the loopback that says what a test tells it to.

```python
def test_refund(llm_server: LlmServer) -> None:
    llm_server.default(text="I do not know")
    llm_server.reply(model="gpt-4o", contains="refund", text="30 days", usage=(10, 2))
    llm_server.fail(429, "slow down", retry_after=0, times=1)  # the newest rule that matches wins
```

It listens on a port, so a subprocess reaches it as well: hand over `server.environment()`, or `server.base_url`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Self, TypeAlias, TypedDict, Unpack

import pytest

from tests.wire import Call, JsonDict, Raw, Said, chat_body, error_body, read_call, responses_body, to_bytes

if TYPE_CHECKING:
    from types import TracebackType

WAIT_S = 20.0
"""How long a test waits for what must happen before it gives up."""


Reply: TypeAlias = Said | Raw
Rule: TypeAlias = Callable[[Call], Reply | None]


class Where(TypedDict, total=False):
    """Which calls a rule answers: all of these must hold."""

    model: str
    contains: str
    """Stands somewhere in the messages."""
    times: int
    """The rule ends after so many calls."""


class LlmServer:
    """The server; use it as a context manager, or as the fixture `llm_server`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """Every request that arrived, in order."""
        self.models: list[JsonDict] = []
        """What `/v1/models` lists."""
        self.max_in_flight = 0
        """The most requests that were unanswered at the same time."""
        self.connections = 0
        """How many connections were opened."""
        self.port = 0
        self._in_flight = 0
        self._rules: list[Rule] = []
        self._default: Said | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    # --- what to say ---------------------------------------------------------------------------

    def when(self, rule: Rule, **where: Unpack[Where]) -> None:
        """Answer by a function; where it returns None, older rules are asked."""
        with self._changed:
            self._rules.insert(0, _limited(rule, **where))

    def reply(
        self,
        *,
        text: str | None = "",
        usage: tuple[int, ...] | None = (10, 2),
        tool_calls: tuple[tuple[str, Mapping[str, object] | str], ...] = (),
        finish_reason: str = "stop",
        refusal: str | None = None,
        **where: Unpack[Where],
    ) -> None:
        """Answer with these words."""
        said = Said(
            text=text, usage=usage, tool_calls=tool_calls, finish_reason=finish_reason, refusal=refusal
        )
        self.when(lambda _: said, **where)

    def default(self, *, text: str, usage: tuple[int, ...] | None = (10, 2)) -> None:
        """Answer with these words where no rule matches; without it the server echoes the last message."""
        self._default = Said(text=text, usage=usage)

    def fail(
        self,
        status: int,
        message: str = "no",
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        **where: Unpack[Where],
    ) -> None:
        """Answer with an error in OpenAI's envelope."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        error = self.error(status, message, code=code, param=param, headers=headers)
        self.when(lambda _: error, **where)

    def send(self, body: bytes | str | object, *, status: int = 200, **where: Unpack[Where]) -> None:
        """Answer with these bytes, this HTML text, or this JSON."""
        kind = "text/html" if isinstance(body, str) else "application/json"
        text = body if isinstance(body, str) else json.dumps(body) if not isinstance(body, bytes) else ""
        data = body if isinstance(body, bytes) else text.encode()
        self.when(lambda _: Raw(status=status, body=data, content_type=kind), **where)

    def reset(self, **where: Unpack[Where]) -> None:
        """Reset the connection in place of an answer."""
        self.when(lambda _: Raw(fault="reset"), **where)

    def truncate(self, text: str = "half an answer", **where: Unpack[Where]) -> None:
        """Close the connection in the middle of the answer."""
        body = json.dumps(chat_body(Said(text=text), "m")).encode()
        self.when(lambda _: Raw(body=body, fault="truncate"), **where)

    def hang(self, first: bytes = b"", **where: Unpack[Where]) -> None:
        """Send nothing, or only these first bytes, until `release()`; then echo, or hang up after first bytes."""
        self.when(lambda _: Raw(body=first, fault="hang"), **where)

    def answer(self, call: Call) -> Raw:
        """Return what a call of a batch is answered, by the same rules."""
        reply = self._reply(call)
        return reply if isinstance(reply, Raw) else _spoken(call, reply)

    @staticmethod
    def error(
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Raw:
        """Return an error in OpenAI's envelope, for a rule of a test's own."""
        body = json.dumps(error_body(message, code=code, param=param)).encode()
        return Raw(status=status, body=body, headers=headers or {})

    @staticmethod
    def said(text: str) -> Said:
        """Return words, for a rule of a test's own."""
        return Said(text=text, usage=(10, 2))

    def release(self) -> None:
        """Let all go that hangs, now and later."""
        self._loop.call_soon_threadsafe(self._released.set)

    # --- what happened -------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The address for `base_url` or OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def environment(self) -> dict[str, str]:
        """Variables with which a subprocess finds the server."""
        return {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": "sk-test"}

    def wait_for_calls(self, count: int) -> None:
        """Wait until so many requests have arrived."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.calls) >= count, WAIT_S)
        assert arrived, f"{len(self.calls)} of {count} calls arrived"

    def texts(self) -> list[str]:
        """Return the last message of every call, in order of arrival."""
        return [call.last for call in self.calls]

    # --- the server itself ---------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        with self._changed:
            assert self._changed.wait_for(lambda: self.port, WAIT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._released, self._stopped = asyncio.Event(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        with self._changed:
            self.port = server.sockets[0].getsockname()[1]
            self._changed.notify_all()
        await self._stopped.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        call = await read_call(reader)
        reply = self._arrived(call)
        try:
            return await self._send(call, reply, writer)
        finally:
            with self._changed:
                self._in_flight -= 1

    def _arrived(self, call: Call) -> Reply:
        with self._changed:
            self.calls.append(call)
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            self._changed.notify_all()
            if call.path == "/v1/models":
                return Raw(body=json.dumps({"object": "list", "data": self.models}).encode())
            return self._reply(call)

    def _reply(self, call: Call) -> Reply:
        replies = (rule(call) for rule in tuple(self._rules))
        return next((reply for reply in replies if reply is not None), self._default or Said(text=call.last))

    async def _send(self, call: Call, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        raw = reply if isinstance(reply, Raw) else _spoken(call, reply)
        if raw.fault == "reset":
            _reset(writer)
            return False
        if raw.fault == "hang":
            writer.write(raw.body)
            await self._released.wait()
            if raw.body:
                return False
            raw = _spoken(call, Said(text=call.last))
        data = to_bytes(raw)
        writer.write(data[: len(data) - len(raw.body) // 2] if raw.fault == "truncate" else data)
        await writer.drain()
        return raw.fault is None


def _limited(
    rule: Rule, *, model: str | None = None, contains: str | None = None, times: int | None = None
) -> Rule:
    left = [times]

    def limited(call: Call) -> Reply | None:
        if left[0] == 0 or (model is not None and call.model != model):
            return None
        if contains is not None and contains not in call.text:
            return None
        reply = rule(call)
        if left[0] is not None and reply is not None:
            left[0] -= 1
        return reply

    return limited


def _spoken(call: Call, said: Said) -> Raw:
    body = (responses_body if call.path.endswith("/responses") else chat_body)(said, call.model)
    return Raw(body=json.dumps(body).encode(), headers=said.headers)


def _reset(writer: asyncio.StreamWriter) -> None:
    # Lingering for zero seconds turns the close into a RST.
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.fixture
def llm_server() -> Iterator[LlmServer]:
    """Run a scripted server for one test."""
    with LlmServer() as server:
        yield server

"""The engine of another process, asked over the loopback: what a worker of xdist completes with."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from pytest_llmupgrade.codec import answer_from_plain, request_to_plain
from pytest_llmupgrade.model import CallFailure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_llmupgrade.model import Answer, Request

HOST = "127.0.0.1"
_CONNECT_S = 10.0
_GONE = CallFailure(kind="cancelled", message="not sent: the process that makes the calls is gone")


class RemoteEngine:
    """A Completer whose calls another process makes; each thread has a connection of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._own = threading.local()
        self._all: list[_Line] = []

    @classmethod
    def reach(cls, port: int, token: str) -> Self | None:
        """Return the engine, or None where it cannot be reached, as from another host."""
        engine = cls(port, token)
        try:
            engine._line()
        except OSError:
            return None
        return engine

    def claim_plan(self) -> bool:
        """Return whether the plan is this worker's to send; no other is told so."""
        return bool(self._told({"claim": True}, "claimed"))

    def price(self, model: Mapping[str, Any]) -> Any:
        """Return what the other process knows of a model's price, None also where it is gone."""
        return self._told({"price": model}, "price")

    def _told(self, message: Mapping[str, Any], name: str) -> Any:
        try:
            line = self._line()
            line.say(message)
            return line.hear()[name]
        except (OSError, ValueError):
            return None

    def plan(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Send what the selected items will ask for: request, owner and what is asked after it, all plain."""
        with suppress(OSError):  # the next question finds out
            self._line().say({"plan": list(entries)})

    def complete(self, request: Request) -> Answer:
        """Return the answer to a request, or why there is none."""
        try:
            line = self._line()
            line.say({"ask": request_to_plain(request)})
            reply = line.hear()
        except (OSError, ValueError):
            return _GONE
        return answer_from_plain(reply)

    def close(self) -> None:
        """Close every thread's connection."""
        for line in self._all:
            line.close()

    def _line(self) -> _Line:
        line: _Line | None = getattr(self._own, "line", None)
        if line is None:
            line = self._own.line = _Line(self._port, self._token)
            self._all.append(line)
        return line


class _Line:
    """One connection: a line of JSON out, a line of JSON in."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=_CONNECT_S)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = self._socket.makefile("rwb")
            self._stream.write(token.encode() + b"\n")
            self._stream.flush()
            self.hear()  # nothing, where the token is not theirs
        except (OSError, ValueError):
            self._socket.close()
            raise OSError("the broker does not answer") from None
        self._socket.settimeout(None)  # a call may take its time

    def say(self, message: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(message).encode() + b"\n")
        self._stream.flush()

    def hear(self) -> dict[str, Any]:
        """Return the next line; OSError at the end, ValueError for what is no JSON."""
        line = self._stream.readline()
        if not line:
            raise ConnectionResetError
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

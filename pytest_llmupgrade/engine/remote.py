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
_CONNECT_S = 60.0
"""So long may a controller be busy while its workers start."""
_MOST = 32
"""Connections of one worker; threads beyond wait until one is free, for each costs the controller a thread."""
_GONE = CallFailure(kind="cancelled", message="not sent: the process that makes the calls is gone")


class RemoteEngine:
    """A Completer whose calls another process makes; any thread may ask."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._room = threading.Semaphore(_MOST)
        self._free: list[_Line] = []
        self._all: set[_Line] = set()
        self._closed = False

    @classmethod
    def reach(cls, port: int, token: str) -> Self | None:
        """Return the engine, or None where it cannot be reached, as from another host."""
        engine = cls(port, token)
        try:
            engine._free.append(engine._new_line())
        except OSError:
            return None
        return engine

    def claim_plan(self) -> bool:
        """Return whether the plan is this worker's to send; no other is told so while it may still come."""
        return bool(self._told({"claim": True}, "claimed"))

    def price(self, model: Mapping[str, Any]) -> Any:
        """Return what the other process knows of a model's price, None also where it is gone."""
        return self._told({"price": model}, "price")

    def _told(self, message: Mapping[str, Any], name: str) -> Any:
        try:
            return self._exchange(message).get(name)
        except (OSError, ValueError):
            return None

    def plan(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Send what the selected items will ask for: request, owner and what is asked after it, all plain."""
        with suppress(OSError, ValueError):  # the next question finds out
            self._exchange({"plan": list(entries)})

    def complete(self, request: Request) -> Answer:
        """Return the answer to a request, or why there is none."""
        try:
            reply = self._exchange({"ask": request_to_plain(request)})
        except (OSError, ValueError):
            return _GONE
        return answer_from_plain(reply)

    def close(self) -> None:
        """Close every connection; what is asked afterwards is not sent."""
        self._closed = True
        for line in tuple(self._all):
            self._drop(line)

    def _exchange(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the reply to a message; OSError or ValueError where there is none."""
        with self._room:
            line = self._line()
            try:
                reply = line.exchange(message)
            except BaseException:
                # whoever is interrupted leaves a reply behind, which would be taken for the next question's
                self._drop(line)
                raise
            self._free.append(line)
            return reply

    def _line(self) -> _Line:
        with suppress(IndexError):
            return self._free.pop()
        return self._new_line()

    def _new_line(self) -> _Line:
        if self._closed:
            raise ConnectionAbortedError
        line = _Line(self._port, self._token)
        self._all.add(line)
        return line

    def _drop(self, line: _Line) -> None:
        self._all.discard(line)
        with suppress(OSError):
            line.close()


class _Line:
    """One connection: a line of JSON out, a line of JSON in."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=_CONNECT_S)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = self._socket.makefile("rwb")
            self._stream.write(token.encode() + b"\n")
            self._stream.flush()
            self._hear()  # nothing, where the token is not theirs
        except (OSError, ValueError):
            self._socket.close()
            raise OSError("the broker does not answer") from None
        self._socket.settimeout(None)  # a call may take its time

    def exchange(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the reply to a message; OSError at the end, ValueError for what is no JSON."""
        self._stream.write(json.dumps(message).encode() + b"\n")
        self._stream.flush()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        line = self._stream.readline()
        if not line:
            raise ConnectionResetError
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        """Close it; whoever waits for its reply hears of the end."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._stream.close()
        self._socket.close()

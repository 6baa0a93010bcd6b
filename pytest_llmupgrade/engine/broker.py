"""One engine for several processes: xdist's controller has it, its workers ask over the loopback.

A connection speaks JSON, one object a line. The first line is the token that the controller hands its workers;
whoever does not know it is not answered. Then come `plan`, which is not answered, and `ask`, which is. Each `ask`
carries the whole request, so that losing a worker loses nothing. Which item is being run, xdist tells the controller.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socketserver
import threading
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.codec import answer_to_plain, request_from_plain
from pytest_llmupgrade.engine.flight import Planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.engine.engine import Engine
    from pytest_llmupgrade.engine.flight import After

HOST = "127.0.0.1"
_TOKEN_LINE = 256
"""Bytes that a stranger may send."""


class Broker:
    """Serves an engine until it is closed; `engine` is called when first needed.

    `after` makes what is asked next out of what a worker's plan says of it (see `Planned.after`).
    """

    def __init__(self, engine: Callable[[], Engine], after: Callable[[Mapping[str, Any]], After]) -> None:
        self.token = secrets.token_hex(16)
        self._engine, self._after = engine, after
        self._lock = threading.Lock()
        self._planned = False
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, name="llmupgrade-broker", daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens, on the loopback."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.server_close()

    def wants_plan(self) -> bool:
        """Whether no worker has said yet what will be asked."""
        return not self._planned

    def take(self, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Do what a worker asks; return what it waits for, None where it waits for nothing."""
        if "ask" in message:
            return answer_to_plain(self._engine().complete(request_from_plain(message["ask"])))
        if "plan" in message:
            self._plan(message["plan"])
        return None

    def _plan(self, entries: list[Mapping[str, Any]]) -> None:
        with self._lock:
            if self._planned:  # all workers have collected the same
                return
            self._planned = True
        self._engine().plan(
            [
                Planned(
                    request=request_from_plain(entry["request"]),
                    owner=entry["owner"],
                    after=self._after(entry["after"]) if entry.get("after") else None,
                    follow_ups=entry.get("follow_ups", 0),
                )
                for entry in entries
            ]
        )


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        super().__init__((HOST, 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a worker that was killed is reported by xdist."""


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        """Answer one worker until it ends."""
        broker = self.server.broker
        given = self.rfile.readline(_TOKEN_LINE).strip()
        if not hmac.compare_digest(given, broker.token.encode()):
            return
        self._say({"wants_plan": broker.wants_plan()})
        for line in self.rfile:
            reply = broker.take(json.loads(line))
            if reply is not None:
                self._say(reply)

    def _say(self, message: Mapping[str, Any]) -> None:
        self.wfile.write(json.dumps(message).encode() + b"\n")

"""One engine for several processes: xdist's controller has it, its workers ask over the loopback.

A connection speaks JSON, one object a line, and each is answered. The first line is the token that the controller hands
its workers; whoever does not know it is not answered. Then come `claim`, by which one worker learns that the plan is its
to send, `plan` itself, `ask`, and `price`. Each `ask` carries the whole request, so that losing a worker loses nothing.
Which item is being run, xdist tells the controller.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socketserver
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.codec import answer_to_plain, request_from_plain
from pytest_llmupgrade.engine.flight import Planned
from pytest_llmupgrade.engine.remote import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.engine.engine import Engine
    from pytest_llmupgrade.engine.flight import After

_TOKEN_LINE = 256
"""Bytes that a stranger may send."""
_HELLO_S = 10.0
"""How long a stranger may take to say the token."""
_STRANGERS = 512
"""Connections that may be without it: each is a thread and a file."""
_POLL_S = 0.05
"""How long closing may take."""


class Broker:
    """Serves an engine until it is closed; `engine` is called when first needed.

    `after` makes what is asked next out of what a worker's plan says of it (see `Planned.after`); `price` answers what
    a worker would know of prices, so that none needs the catalogue.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        after: Callable[[Mapping[str, Any]], After],
        price: Callable[[Mapping[str, Any]], object] = lambda _model: None,
    ) -> None:
        self.token = secrets.token_hex(16)
        self._engine, self._after, self._price = engine, after, price
        self._lock = threading.Lock()
        self._planner: object = None
        """The connection whose plan it is, which may still come; True once it has."""
        self._server = _Server(self)
        serve = partial(self._server.serve_forever, poll_interval=_POLL_S)
        threading.Thread(target=serve, name="llmupgrade-broker", daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens, on the loopback."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, message: Mapping[str, Any], connection: object) -> Mapping[str, Any]:
        """Do what a worker asks over a connection; return its reply."""
        if "ask" in message:
            return answer_to_plain(self._engine().complete(request_from_plain(message["ask"])))
        if "price" in message:
            return {"price": self._price(message["price"])}
        if "claim" in message:
            return {"claimed": self._claim(connection)}
        self._planner = True
        self._engine().plan([*map(self._entry, message["plan"])])
        return {}

    def _claim(self, connection: object) -> bool:
        """Give the plan to the first who asks: all workers have collected the same."""
        with self._lock:
            free = self._planner is None
            if free:
                self._planner = connection
        return free

    def left(self, connection: object) -> None:
        """Let another send the plan where a connection ended without the one that it had claimed."""
        with self._lock:
            if self._planner is connection:
                self._planner = None

    def _entry(self, plain: Mapping[str, Any]) -> Planned:
        return Planned(
            request=request_from_plain(plain["request"]),
            owner=plain["owner"],
            after=self._after(plain["after"]) if plain.get("after") else None,
            follow_ups=plain.get("follow_ups", 0),
        )


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = False
    request_queue_size = 128

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.strangers = threading.BoundedSemaphore(_STRANGERS)
        super().__init__((HOST, 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a worker that was killed is reported by xdist."""


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    timeout = _HELLO_S
    server: _Server

    def handle(self) -> None:
        """Answer one worker until it ends."""
        broker = self.server.broker
        if not self._knows(broker.token):
            return
        self.connection.settimeout(None)
        self._say({"welcome": True})
        try:
            for line in self.rfile:
                self._say(broker.take(json.loads(line), self))
        finally:
            broker.left(self)

    def _knows(self, token: str) -> bool:
        """Whether the first line is the token, and comes in time while there is room for one more stranger."""
        strangers = self.server.strangers
        if not strangers.acquire(blocking=False):
            return False
        try:
            return hmac.compare_digest(self.rfile.readline(_TOKEN_LINE).strip(), token.encode())
        except OSError:
            return False
        finally:
            strangers.release()

    def _say(self, message: Mapping[str, Any]) -> None:
        self.wfile.write(json.dumps(message).encode() + b"\n")

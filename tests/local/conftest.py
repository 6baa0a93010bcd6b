"""The embedded models served once for all tests, a way to ask them, and a package index of our own."""

from __future__ import annotations

import importlib.util
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.model import ModelSpec
from pytest_llmupgrade.providers.local.serve import LocalServer
from tests.local.index import Index, serve, small

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytest_llmupgrade.model import JsonObject

BASE, DEGRADED = "local/smollm2-135m", "local/smollm2-135m-q3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered."""

    status: int
    body: dict[str, Any]

    @property
    def message(self) -> dict[str, Any]:
        """The first choice's message."""
        message: dict[str, Any] = self.body["choices"][0]["message"]
        return message


def spec(name: str, *, gguf: str | None = None) -> ModelSpec:
    """Return a local model; `m#2` is sent as `m`."""
    return ModelSpec(name=name, wire_name=name.partition("#")[0], gguf=gguf)


def turns(*texts: str, system: str | None = None) -> list[JsonObject]:
    """Return a conversation: user and assistant in turn."""
    first: list[JsonObject] = [{"role": "system", "content": system}] if system else []
    return first + [
        {"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(texts)
    ]


def ask(base_url: str, messages: Sequence[JsonObject], *, max_tokens: int = 60, **more: Any) -> Reply:
    """Ask for a chat completion at temperature 0."""
    body = {"model": "any", "messages": messages, "temperature": 0, "max_tokens": max_tokens, **more}
    request = urllib.request.Request(  # noqa: S310  the loopback
        f"{base_url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310  the loopback
            return Reply(status=response.status, body=json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(status=error.code, body=json.load(error))


@pytest.fixture(scope="session")
def local_urls() -> Iterator[dict[str, str]]:
    """Serve both embedded models, once; their base URLs by name."""
    pytest.importorskip("xllamacpp", reason="the extra 'local' is not installed")
    server = LocalServer.start([spec(BASE), spec(DEGRADED)], progress=lambda _line: None)
    yield dict(server.urls)
    server.stop()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a cache of its own."""
    directory = tmp_path / "cache"
    monkeypatch.setenv("LLMUPGRADE_CACHE", str(directory))
    return directory


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """Run a package index, and make it the only one that installers know."""
    index = Index(wheel=small()[1])
    with serve(index) as server:
        for name, value in index.environment().items():
            monkeypatch.setenv(name, value)
        yield index
        server.shutdown()


@pytest.fixture
def no_installer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make this an environment that has neither pip nor uv."""
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else real(name))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("UV", raising=False)

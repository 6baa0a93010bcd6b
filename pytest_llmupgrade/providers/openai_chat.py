"""Calls through the `openai` client: one try each, any OpenAI-compatible server.

Retries live in the engine alone, so the client's own are off. The body goes out as it stands, and the answer's
bytes are read here: building the client's objects costs more than twice as much CPU per call.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_llmupgrade.model import CallFailure, Completion
from pytest_llmupgrade.providers.quoting import quoted
from pytest_llmupgrade.providers.reading import answer_from

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

    from pytest_llmupgrade.model import Answer, ModelSpec, Request

_PATHS = {"chat": "/chat/completions", "responses": "/responses"}
DUMMY_KEY = "no-key-needed"
_CONNECTIONS = 1_000


def missing_key(spec: ModelSpec) -> str | None:
    """Return one line that says which key must be set, or set anew; None where a call may be made."""
    key = os.environ.get(spec.api_key_env)
    if key and not (
        key.isascii() and key.isprintable()
    ):  # no header takes it, and what it holds is not shown
        return f"{spec.name}: {spec.api_key_env} holds a line break or a character that is not ASCII; set it anew"
    if key or is_loopback(base_url_of(spec)):
        return None
    table = f'[tool.llmupgrade.models."{spec.name}"]'
    return f"{spec.name} needs a key: set {spec.api_key_env}, or api_key_env in {table}"


def base_url_of(spec: ModelSpec) -> str:
    """Return where the model is called, or '' for the client's default."""
    return spec.base_url or os.environ.get("OPENAI_BASE_URL", "")


def is_loopback(url: str) -> bool:
    """Say whether an address is this very machine, whose servers need no key."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class OpenAIProvider:
    """Completes requests over HTTP, with one pool of connections for each server, key and event loop."""

    def __init__(self) -> None:
        self._clients: dict[tuple[asyncio.AbstractEventLoop, str, str], AsyncOpenAI] = {}

    async def acomplete(self, request: Request, spec: ModelSpec) -> Answer:
        """Return the answer of a single try, or why there is none; raises for nothing but cancellation."""
        if lacking := missing_key(spec):
            return CallFailure(kind="auth", message=lacking)
        from pytest_llmupgrade.providers.openai_errors import failure_from, timeout_words

        try:
            client = self._client(spec)
            started = time.perf_counter()
            # The client's own limits count from byte to byte; this one holds for the whole call.
            async with asyncio.timeout(spec.timeout_s):
                response = await _post(client, request)
        except TimeoutError:
            return CallFailure(kind="timeout", message=f"{spec.name}: {timeout_words(spec)}")
        except Exception as error:  # noqa: BLE001  whatever a transport raises becomes a value here
            return failure_from(error, spec=spec)
        return _timed(_read(response, request, spec), (time.perf_counter() - started) * 1000)

    def prepare(self) -> None:
        """Import the client: most of a second, which a run that finds every answer stored does not pay."""
        import openai.resources.chat.completions  # noqa: F401

        import pytest_llmupgrade.providers.openai_errors  # noqa: F401

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the provider may be used again."""
        running = asyncio.get_running_loop()
        for place in [place for place in self._clients if place[0] is running]:
            await self._clients.pop(place).close()

    def _client(self, spec: ModelSpec) -> AsyncOpenAI:
        key = os.environ.get(spec.api_key_env) or DUMMY_KEY
        place = (asyncio.get_running_loop(), base_url_of(spec), key)
        if place not in self._clients:
            self._clients[place] = _new_client(base_url_of(spec), key)
        return self._clients[place]


async def _post(client: AsyncOpenAI, request: Request) -> httpx2.Response:
    import httpx2

    # As ASCII, since the client's own encoding fails on a lone surrogate in a prompt.
    content = json.dumps(request.body, allow_nan=False).encode("ascii")
    return await client.post(_PATHS[request.api], cast_to=httpx2.Response, content=content)


def _new_client(base_url: str, key: str) -> AsyncOpenAI:
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    # A company's proxy cannot reach this very machine, where local models are.
    http_client = DefaultAioHttpClient(limits=limits, timeout=None, trust_env=not is_loopback(base_url))
    return AsyncOpenAI(
        api_key=key, base_url=base_url or None, max_retries=0, http_client=http_client, timeout=None
    )


def _read(response: httpx2.Response, request: Request, spec: ModelSpec) -> Answer:
    try:
        answer = answer_from(json.loads(response.content), api=request.api)
    except (ValueError, RecursionError):
        return CallFailure(kind="protocol", message=f"{spec.name}: {_not_json(response)}", status=200)
    if isinstance(answer, CallFailure):
        return replace(answer, message=f"{spec.name}: {answer.message}")
    return answer


def _not_json(response: httpx2.Response) -> str:
    kind = quoted(response.headers.get("content-type", "").partition(";")[0], longest=40) or "no content type"
    address = response.request.url.netloc.decode("ascii", "replace")
    return f"the answer is not JSON ({kind}): is base_url right? It came from {address}{response.request.url.path}"


def _timed(answer: Answer, latency_ms: float) -> Answer:
    return replace(answer, latency_ms=latency_ms) if isinstance(answer, Completion) else answer

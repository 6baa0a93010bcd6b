"""Errors of the `openai` client and of what lies under it -> CallFailure: one line that says what to do."""

from __future__ import annotations

import json
import os
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2
import openai

from pytest_llmupgrade.model import CallFailure, FailureKind, ModelSpec
from pytest_llmupgrade.providers.openai_status import status_failure
from pytest_llmupgrade.providers.quoting import quoted, without_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_EMPTY_CODES = ("", "invalid_request_error", "server_error")
_LONGEST_REFUSAL = 1_000
"""Characters of a refusal that are kept for adaptations: the list of accepted values stands at its end."""


def failure_from(error: BaseException, *, spec: ModelSpec) -> CallFailure:
    """Return what a failed call means for the user; the message holds neither key nor header."""
    if isinstance(error, openai.APIStatusError):
        return _status(error, spec)
    kind, words = _kind_and_words(error, spec)
    return CallFailure(kind=kind, message=f"{spec.name}: {words}")


def _kind_and_words(error: BaseException, spec: ModelSpec) -> tuple[FailureKind, str]:
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError | OSError | aiohttp.ClientError):
        return _no_answer(error, spec)
    for classes, kind, words in _BY_CLASS:
        if isinstance(error, classes):
            return kind, f"{words}: {_words(error, spec)}"
    if isinstance(error, openai.OpenAIError) and _lacks_key(error):
        return "auth", f"no key: set {spec.api_key_env}"
    return "protocol", f"the client failed: {type(error).__name__}: {_words(error, spec)}"


_BY_CLASS: tuple[tuple[tuple[type[BaseException], ...], FailureKind, str], ...] = (
    (
        (openai.APIResponseValidationError, openai.LengthFinishReasonError, json.JSONDecodeError),
        "protocol",
        "the answer is not what the API promises",
    ),
    ((openai.ContentFilterFinishReasonError,), "empty", "the answer is withheld"),
    (
        (openai.WebSocketConnectionClosedError, openai.WebSocketQueueFullError),
        "connection",
        "the connection broke",
    ),
    ((openai.APIError,), "server", "the server broke off with an error"),
)
"""The first line that holds decides, so a class stands below those derived from it."""


def _lacks_key(error: BaseException) -> bool:
    said = f"{type(error).__name__} {error}".lower()
    return any(word in said for word in ("credential", "api_key", "subjecttoken"))


# --- no answer -----------------------------------------------------------------------------------


def _no_answer(error: BaseException, spec: ModelSpec) -> tuple[FailureKind, str]:
    chain = tuple(_chain(error))
    if _is_timeout(chain):
        return "timeout", timeout_words(spec)
    address, root = address_of(error, spec), _words(chain[-1], spec)
    if _any(chain, httpx2.UnsupportedProtocol):
        return "connection", f"base_url must start with http:// or https:// ({root})"
    if _any(chain, aiohttp.ClientPayloadError, httpx2.RemoteProtocolError, httpx2.ReadError):
        return "connection", f"{address} broke off in the middle of its answer"
    if _any(chain, aiohttp.ServerDisconnectedError, ConnectionResetError):
        return "connection", f"{address} closed the connection without an answer"
    if _any(chain, aiohttp.ClientResponseError):
        return "protocol", f"{address} does not answer in HTTP: is base_url right? ({root})"
    return "connection", f"no connection to {address}: is base_url right{_proxy()}? ({root})"


def _proxy() -> str:
    """Name the variables that send calls through a proxy: they are easily forgotten, and may hold a password."""
    names = (name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower()))
    return "".join(f", and the proxy in {name}" for name in names)


def timeout_words(spec: ModelSpec) -> str:
    """Say that the deadline of a call has passed, and where it is set."""
    return f'no answer within {spec.timeout_s:g} s (timeout_s in [tool.llmupgrade.models."{spec.name}"])'


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its causes: the client and its transport each wrap what they meet."""
    while error is not None:
        yield error
        error = error.__cause__


def _any(chain: tuple[BaseException, ...], *classes: type[BaseException]) -> bool:
    return any(isinstance(error, classes) for error in chain)


def _is_timeout(chain: tuple[BaseException, ...]) -> bool:
    # The aiohttp transport calls every lost connection a ConnectTimeout, so the causes decide.
    if _any(chain, aiohttp.ClientError, OSError):
        return _any(chain, TimeoutError)
    return _any(chain, openai.APITimeoutError, httpx2.TimeoutException)


def address_of(error: BaseException, spec: ModelSpec) -> str:
    """Return host and port of the server, without what else a URL may hold."""
    # httpx2 raises where its error was made without a request, so its property is no way to ask.
    request = error.request if isinstance(error, openai.APIError) else getattr(error, "_request", None)
    if isinstance(request, httpx2.Request):
        return request.url.netloc.decode("ascii", "replace")
    url = spec.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    try:
        return httpx2.URL(url).netloc.decode("ascii", "replace")
    except httpx2.InvalidURL:
        return "base_url"


# --- an answer with a status ---------------------------------------------------------------------


def _status(error: openai.APIStatusError, spec: ModelSpec) -> CallFailure:
    response, body = error.response, error.body
    path, content_type = response.request.url.path, response.headers.get("content-type", "")
    told = _told(body)
    refused = None
    if told and isinstance(body, dict):
        param = body.get("param")
        words = without_keys(told, secrets=_secrets(spec))[:_LONGEST_REFUSAL]
        refused = (param if isinstance(param, str) and param else None, words)
    return status_failure(
        spec,
        status=error.status_code,
        code=_code(body),
        told=quoted(told, secrets=_secrets(spec)),
        address=address_of(error, spec),
        path=path,
        content_type="" if isinstance(body, dict) else quoted(content_type.partition(";")[0], longest=40),
        retry_after_s=retry_after_s(response.headers, now=time.time()),
        refused=refused,
    )


def _told(body: object) -> str:
    """Return the provider's own words; the body of an HTML page holds none."""
    match body:
        case {"message": str() as message}:
            return message
        case {"detail": str() as message}:
            return message
        case {"error": str() as message}:
            return message
        case dict() if body:
            return json.dumps(body, ensure_ascii=False)
        case str() if not body.lstrip().startswith("<"):
            return body
        case _:
            return ""


def _code(body: Any) -> str:
    """Return the provider's code, or else its type where that says more than the status."""
    found = (body.get(name) for name in ("code", "type")) if isinstance(body, dict) else ()
    codes = (value for value in found if isinstance(value, str) and value not in _EMPTY_CODES)
    return next((quoted(code, longest=60) for code in codes), "")


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Return the seconds to wait that a server asks for; `now` is Unix time, for dates."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after")
    seconds = _number(asked)
    if seconds is not None or asked is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


# --- keys ----------------------------------------------------------------------------------------


def _words(error: BaseException, spec: ModelSpec) -> str:
    return quoted(str(error) or type(error).__name__, secrets=_secrets(spec))


def _secrets(spec: ModelSpec) -> tuple[str, ...]:
    return tuple(filter(None, (os.environ.get(spec.api_key_env), os.environ.get("OPENAI_API_KEY"))))

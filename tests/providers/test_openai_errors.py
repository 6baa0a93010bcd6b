from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import aiohttp
import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import _exceptions

from pytest_llmupgrade.model import FailureKind, ModelSpec
from pytest_llmupgrade.providers.openai_errors import failure_from, retry_after_s

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEC = ModelSpec(name="m", wire_name="m", base_url="http://user:secret@host:1/v1", api_key_env="LLM_TEST_KEY")
REQUEST = httpx2.Request("POST", "http://host:1/v1/chat/completions")


def subclasses(cls: type[Exception]) -> Iterator[type[Exception]]:
    """Yield every class derived from one, at any depth, that the client defines."""
    for sub in cls.__subclasses__():
        if sub.__module__.startswith("openai"):
            yield sub
            yield from subclasses(sub)


def response(status: int, body: object = None, **headers: str) -> httpx2.Response:
    """Return an answer of the server."""
    return httpx2.Response(status, request=REQUEST, headers=headers, json=body)


def status_error(status: int, **error: str | None) -> openai.APIStatusError:
    """Return the error that the client raises for a status."""
    body = {"error": error} if error else None
    client = openai.OpenAI(api_key="k", base_url="http://host:1/v1")
    with client:
        return client._make_status_error_from_response(response(status, body))


KINDS: dict[str, FailureKind] = {
    "APIConnectionError": "connection",
    "APIError": "server",
    "APIRemovedInV1": "protocol",
    "APIResponseValidationError": "protocol",
    "APIStatusError": "bad_request",
    "APITimeoutError": "timeout",
    "AuthenticationError": "auth",
    "BadRequestError": "bad_request",
    "ConflictError": "server",
    "ContentFilterFinishReasonError": "empty",
    "InternalServerError": "server",
    "LengthFinishReasonError": "protocol",
    "MissingDependencyError": "protocol",
    "MutuallyExclusiveAuthError": "protocol",
    "NotFoundError": "not_found",
    "OAuthError": "auth",
    "PermissionDeniedError": "auth",
    "RateLimitError": "rate_limit",
    "StreamAlreadyConsumed": "protocol",
    "SubjectTokenProviderError": "auth",
    "UnprocessableEntityError": "bad_request",
    "WebSocketConnectionClosedError": "connection",
    "WebSocketQueueFullError": "connection",
    "_AmbiguousModuleClientUsageError": "protocol",
}
AGENTS = ("openai.lib.beta.agents", "openai.lib.streaming.agents")
"""Errors of the client's agents, which never complete a call of ours."""


def made(cls: type[Exception]) -> Exception:
    """Return an error of the class, as the client would make it."""
    statuses = {"APIStatusError": 418, "InternalServerError": 500, "OAuthError": 401}
    if issubclass(cls, openai.APIStatusError):
        status = getattr(cls, "status_code", statuses.get(cls.__name__))
        refused = cls.__new__(cls)
        openai.APIStatusError.__init__(refused, "no", response=response(status or 500, {}), body=None)
        return refused
    error = cls.__new__(cls, "no")
    for name, value in (("request", REQUEST), ("message", "no"), ("body", None)):
        setattr(error, name, value)
    return error


def test_every_class_of_the_client_is_mapped() -> None:
    """A class that a new version of the client adds must be thought about before this passes again."""
    found = {cls for cls in subclasses(openai.OpenAIError) if not cls.__module__.startswith(AGENTS)}
    got = {cls.__name__: failure_from(made(cls), spec=SPEC).kind for cls in found}
    assert got == {name: kind for name, kind in KINDS.items() if name in got}
    public = {getattr(_exceptions, name) for name in _exceptions.__all__}
    assert {cls.__name__ for cls in public if issubclass(cls, openai.OpenAIError)} <= got.keys()


STATUSES: list[tuple[int, dict[str, str | None], FailureKind, str]] = [
    (
        401,
        {"message": "Incorrect API key provided: sk-a*b"},
        "auth",
        "the key in LLM_TEST_KEY is refused (401)",
    ),
    (
        402,
        {"message": "Insufficient Balance"},
        "quota",
        "nothing left to spend on the key in LLM_TEST_KEY (402): Insufficient Balance",
    ),
    (403, {"message": "no"}, "auth", "the key in LLM_TEST_KEY may not do this (403): no"),
    (
        403,
        {"message": "You are not allowed to request logprobs from this model"},
        "bad_request",
        "the request is refused (403): You are not allowed to request logprobs from this model",
    ),
    (
        404,
        {"message": "x", "code": "model_not_found"},
        "not_found",
        "no such model at host:1, or no access to it (404 model_not_found)",
    ),
    (
        404,
        {"message": "model 'x' not found, try pulling it"},
        "not_found",
        "no such model at host:1, or no access to it (404): model 'x' not found, try pulling it",
    ),
    (
        404,
        {"message": "The model `x` has been deprecated", "code": "model_not_found"},
        "not_found",
        "this model is shut down (404 model_not_found): The model `x` has been deprecated",
    ),
    (
        404,
        {"message": "This model is only supported in v1/responses and not in v1/chat/completions."},
        "bad_request",
        'this model answers at /v1/responses only: set api = "responses" in [tool.llmupgrade.models."m"] (404)',
    ),
    (
        404,
        {"message": "functions is not supported in this model."},
        "bad_request",
        "the request is refused (404): functions is not supported in this model.",
    ),
    (404, {}, "not_found", "nothing at host:1/v1/chat/completions (404"),
    (408, {"message": "slow"}, "timeout", "the server gave up on the request (408): slow"),
    (
        429,
        {"message": "no", "type": "insufficient_quota"},
        "quota",
        "nothing left to spend on the key in LLM_TEST_KEY (429 insufficient_quota): no",
    ),
    (429, {"message": "slow down"}, "rate_limit", "too many requests (429): slow down"),
    (
        400,
        {"message": "8227 tokens", "code": "context_length_exceeded"},
        "bad_request",
        "the request is too long (400 context_length_exceeded): 8227 tokens",
    ),
    (
        400,
        {"message": "no", "type": "invalid_request_error"},
        "bad_request",
        "the request is refused (400): no",
    ),
    (503, {"message": "busy"}, "server", "the server failed (503): busy"),
    (304, {}, "protocol", "host:1 sends elsewhere (304): is base_url right?"),
]


@pytest.mark.parametrize(("status", "error", "kind", "words"), STATUSES)
def test_statuses(
    monkeypatch: pytest.MonkeyPatch, status: int, error: dict[str, str | None], kind: str, words: str
) -> None:
    """Each status is one line that says what to do, with the model's name before it."""
    monkeypatch.setenv("LLM_TEST_KEY", "hunter-2222")
    failure = failure_from(status_error(status, **error), spec=SPEC)
    assert (failure.kind, failure.status) == (kind, status)
    assert failure.message.startswith(f"m: {words}")
    assert "\n" not in failure.message


def test_a_server_that_asks_for_a_key_where_none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, 'refused' would be misleading."""
    monkeypatch.delenv("LLM_TEST_KEY", raising=False)
    assert failure_from(status_error(401), spec=SPEC).message == (
        "m: the server asks for a key, and LLM_TEST_KEY is not set (401)"
    )


@given(status=st.sampled_from([400, 403, 404, 409, 418, 422, 429, 500]), noise=st.text(max_size=600))
def test_no_key_no_novel_no_control_character(status: int, noise: str) -> None:
    """Whatever a provider says, the line stays short and printable, and no key reaches it."""
    key = "my-very-own-secret"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_TEST_KEY", key)
        failure = failure_from(status_error(status, message=f"{noise} {key} sk-abcdef99 {noise}"), spec=SPEC)
    told = failure.message + json.dumps(failure.refused)
    assert key not in told
    assert "sk-abcdef99" not in told
    assert failure.message.isprintable()
    assert len(failure.message) < 500


def test_a_refusal_is_kept_for_adaptation() -> None:
    """The parameter and the whole list of accepted values are handed on; a missing key's words are not."""
    words = "Unsupported value: 'verbosity' ... Supported values are: " + ", ".join(
        f"'{i}'" for i in range(99)
    )
    failure = failure_from(status_error(400, message=words, param="verbosity"), spec=SPEC)
    assert failure.refused == ("verbosity", words)
    assert failure_from(status_error(400, message="no", param=""), spec=SPEC).refused == (None, "no")
    assert failure_from(status_error(401, message="no"), spec=SPEC).refused is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds and dates are understood; nonsense is none."""
    assert retry_after_s(headers, now=60.0) == seconds


@given(text=st.text())
def test_no_header_makes_it_raise(text: str) -> None:
    """A server may send anything as Retry-After."""
    wait = retry_after_s({"retry-after": text}, now=0.0)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError("no"), "connection"),
        (httpx2.ReadTimeout("no"), "timeout"),
        (httpx2.ConnectError("no"), "connection"),
        (aiohttp.ServerDisconnectedError(), "connection"),
        (aiohttp.ServerTimeoutError(), "timeout"),
        (json.JSONDecodeError("no", "", 0), "protocol"),
        (openai.OpenAIError("Missing credentials"), "auth"),
        (RuntimeError("odd"), "protocol"),
    ],
)
def test_errors_from_below_the_client(error: BaseException, kind: str) -> None:
    """What the transport raises past the client is mapped, too, and a password in the address does not show."""
    failure = failure_from(error, spec=SPEC)
    assert failure.kind == kind
    assert "secret" not in failure.message


def test_kinds_are_those_of_the_model() -> None:
    """The table above expects nothing that a report does not know."""
    assert set(KINDS.values()) <= set(get_args(FailureKind))

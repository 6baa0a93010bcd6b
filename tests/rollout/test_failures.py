from __future__ import annotations

import httpx2
import openai
import pytest

from pytest_llmupgrade.errors import CallError
from pytest_llmupgrade.model import CallFailure
from pytest_llmupgrade.rollout.failures import failure_name

REQUEST = httpx2.Request("POST", "http://loopback/v1")


def _status(code: int) -> Exception:
    response = httpx2.Response(code, request=REQUEST)
    return openai.APIStatusError("x", response=response, body=None)


def _wrapped(cause: BaseException) -> Exception:
    error = RuntimeError("the application's own words")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (_status(429), "rate_limit"),
        (_status(500), "5xx"),
        (_status(503), "5xx"),
        (_status(504), "timeout"),
        (_status(400), "bad_request"),
        (_status(401), "auth"),
        (_status(404), "not_found"),
        (openai.APITimeoutError(REQUEST), "timeout"),
        (openai.APIConnectionError(request=REQUEST), "connection"),
        (httpx2.ReadTimeout("x"), "timeout"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "connection"),
        (CallError(CallFailure(kind="server", message="x")), "5xx"),
        (_wrapped(_status(429)), "rate_limit"),
        (KeyError("x"), "other"),
    ],
)
def test_a_failure_is_named_by_its_shape(error: BaseException, name: str) -> None:
    """Clients' errors are told apart without importing a client; a wrapped one by its cause."""
    assert failure_name(error) == name


def test_a_ring_of_causes_ends() -> None:
    """Errors that name each other as their cause do not hang it."""
    one, other = KeyError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    assert failure_name(one) == "other"

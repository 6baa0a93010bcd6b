"""What a status of 400 and above means, in one line that says what to do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from pytest_llmupgrade.model import CallFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.model import FailureKind, ModelSpec

_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance")
_UNKNOWN_MODEL = ("model_not_found", "model_not_available", "invalid_model")
_LEAVES_WORK = frozenset({"bad_request"})
"""Kinds for which the provider's words may lead to an adaptation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    status: int
    code: str
    told: str
    address: str
    path: str
    content_type: str
    """'' where the body is JSON."""

    @property
    def brackets(self) -> str:
        return f"({self.status} {self.code})" if self.code else f"({self.status})"

    @property
    def tail(self) -> str:
        return f": {self.told}" if self.told else ""


def status_failure(  # noqa: PLR0913  one argument for each thing that a response says
    spec: ModelSpec,
    *,
    status: int,
    code: str = "",
    told: str = "",
    address: str = "",
    path: str = "",
    content_type: str = "",
    retry_after_s: float | None = None,
    refused: tuple[str | None, str] | None = None,
) -> CallFailure:
    """Return the failure that a status means; `told` and `code` must be fit to be shown."""
    heard = _Told(status=status, code=code, told=told, address=address, path=path, content_type=content_type)
    kind, words = _kind_and_words(spec, heard)
    return CallFailure(
        kind=kind,
        message=f"{spec.name}: {words}",
        status=status,
        retry_after_s=retry_after_s,
        refused=refused if kind in _LEAVES_WORK else None,
    )


def _kind_and_words(spec: ModelSpec, heard: _Told) -> tuple[FailureKind, str]:
    known = _BY_STATUS.get(heard.status)
    if known is not None:
        return known(spec, heard)
    if heard.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _failed(spec, heard)
    if heard.status < HTTPStatus.BAD_REQUEST:
        return "protocol", f"{heard.address} sends elsewhere ({heard.status}): is base_url right?"
    return _refused(spec, heard)


def _unauthorized(spec: ModelSpec, _: _Told) -> tuple[FailureKind, str]:
    if not os.environ.get(spec.api_key_env):
        return "auth", f"the server asks for a key, and {spec.api_key_env} is not set (401)"
    return "auth", f"the key in {spec.api_key_env} is refused (401)"


def _gave_up(_: ModelSpec, heard: _Told) -> tuple[FailureKind, str]:
    return "timeout", f"the server gave up on the request (408){heard.tail}"


def _failed(_: ModelSpec, heard: _Told) -> tuple[FailureKind, str]:
    return "server", f"the server failed {_as_page(heard) or heard.brackets}{heard.tail}"


def _forbidden(spec: ModelSpec, heard: _Told) -> tuple[FailureKind, str]:
    if "not allowed to request logprobs" in heard.told:
        return _refused(spec, heard)
    return (
        "auth",
        f"the key in {spec.api_key_env} may not do this {_as_page(heard) or heard.brackets}{heard.tail}",
    )


def _not_found(spec: ModelSpec, heard: _Told) -> tuple[FailureKind, str]:
    if "only supported in v1/responses" in heard.told or "not a chat model" in heard.told:
        table = f'[tool.llmupgrade.models."{spec.name}"]'
        return (
            "bad_request",
            f'this model answers at /v1/responses only: set api = "responses" in {table} (404)',
        )
    if "has been deprecated" in heard.told:
        return "not_found", f"this model is shut down {heard.brackets}{heard.tail}"
    if "is not supported" in heard.told:
        return _refused(spec, heard)
    if heard.code in _UNKNOWN_MODEL or "model" in heard.told.lower():
        where = f"no such model at {heard.address}, or no access to it {heard.brackets}"
        return "not_found", where if heard.code in _UNKNOWN_MODEL else where + heard.tail
    page = _as_page(heard) or "(404)"
    return "not_found", f"nothing at {heard.address}{heard.path} {page}: is base_url right?"


def _too_many(spec: ModelSpec, heard: _Told) -> tuple[FailureKind, str]:
    if heard.code in _QUOTA or "exceeded your current quota" in heard.told:
        return _nothing_left(spec, heard)
    return "rate_limit", f"too many requests {heard.brackets}{heard.tail}"


def _nothing_left(spec: ModelSpec, heard: _Told) -> tuple[FailureKind, str]:
    return "quota", f"nothing left to spend on the key in {spec.api_key_env} {heard.brackets}{heard.tail}"


def _refused(_: ModelSpec, heard: _Told) -> tuple[FailureKind, str]:
    if heard.code == "context_length_exceeded":
        return "bad_request", f"the request is too long {heard.brackets}{heard.tail}"
    return "bad_request", f"the request is refused {_as_page(heard) or heard.brackets}{heard.tail}"


def _as_page(heard: _Told) -> str:
    return f"({heard.status}, {heard.content_type})" if heard.content_type else ""


_BY_STATUS: Mapping[int, Callable[[ModelSpec, _Told], tuple[FailureKind, str]]] = {
    401: _unauthorized,
    402: _nothing_left,
    403: _forbidden,
    404: _not_found,
    408: _gave_up,
    409: _failed,  # another request holds a lock: worth another try, as after a 5xx
    429: _too_many,
}

"""What was asked, part by part, so that a stale snapshot can say what changed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.fingerprints import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.model import Request

_DIGITS = 12
_INSTRUCTIONS = ("system", "developer")
_TOOLS = ("tools", "tool_choice", "response_format")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request's parts: the model by its name on the wire, the rest as the first 12 digits of a SHA-256.

    The address is left out: a replay needs no server, and the same model may be reached by several.
    """

    model: str
    prompt: str
    """System and developer messages."""
    messages: str
    """All other messages."""
    tools: str
    """Tools, tool choice and response format."""
    params: str
    """Everything else in the body, and the API."""


def asked(request: Request) -> Asked:
    """Return the parts of a request."""
    body: Mapping[str, Any] = request.body
    messages = tuple(body.get("messages") or ())
    rest = {key: value for key, value in body.items() if key not in (*_TOOLS, "model", "messages")}
    return Asked(
        model=str(body.get("model", "")),
        prompt=_short([one for one in messages if one.get("role") in _INSTRUCTIONS]),
        messages=_short([one for one in messages if one.get("role") not in _INSTRUCTIONS]),
        tools=_short([body.get(key) for key in _TOOLS]),
        params=_short([request.api, rest]),
    )


def _short(value: object) -> str:
    return fingerprint(value)[:_DIGITS]


def changed_parts(old: Asked, new: Asked) -> tuple[str, ...]:
    """Return the names of the parts that differ."""
    return tuple(
        field.name for field in fields(Asked) if getattr(old, field.name) != getattr(new, field.name)
    )

"""What a row holds: small JSON as text, larger JSON compressed, never a key, a header or a password."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from pytest_llmupgrade.codec import completion_from_plain, completion_to_plain, request_to_plain

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Completion, Request

Packed: TypeAlias = "str | bytes"
Answered: TypeAlias = "tuple[str, Request, Completion]"
"""A request's key, the request, its answer."""

_SMALL = 512
"""Bytes below which compressing saves less than it costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored answer, as `store ls` and `store export` show it."""

    key: str
    model: str
    endpoint: str
    created: float
    """Seconds since 1970."""
    request: dict[str, Any]
    completion: dict[str, Any]


def pack(plain: object) -> Packed:
    """Return JSON values as SQLite keeps them."""
    text = json.dumps(plain, separators=(",", ":"))
    return text if len(text) < _SMALL else zlib.compress(text.encode(), 1)


def unpack(packed: Packed) -> Any:
    """Return what `pack` was given; ValueError or zlib.error where it is something else."""
    return json.loads(packed if isinstance(packed, str) else zlib.decompress(packed))


def row_of(answered: Answered, created: float) -> tuple[str, str, str, float, Packed, Packed]:
    """Return the row of an answer."""
    key, request, completion = answered
    place = without_secrets(request.endpoint)
    plain = {**request_to_plain(request), "endpoint": place}
    return key, request.model, place, created, pack(completion_to_plain(completion)), pack(plain)


def completion_of(packed: Packed) -> Completion:
    """Return a row's answer, as one from the store; ValueError where the row does not hold one."""
    try:
        return completion_from_plain({**unpack(packed), "origin": "stored"})
    except (TypeError, KeyError, zlib.error) as error:
        raise ValueError(f"not a stored answer: {error}") from None


def without_secrets(endpoint: str) -> str:
    """Return an address without user, password, query and fragment: each of them may hold a key."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

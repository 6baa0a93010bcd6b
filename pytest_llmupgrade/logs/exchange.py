"""What a log's record becomes: an Exchange, or why there is none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_llmupgrade.model import Usage

GENERAL = "general"
MEDIUM = "medium"
_STARS = range(6)
_REPEATED = ("system", "developer")
_ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function"))


class Call(NamedTuple):
    """Who answered, and what that took, as far as the log says; a named tuple, as below."""

    names: Sequence[str] = ()
    """Every name of the model in the record, the one that the server told first."""
    usage: Usage | None = None
    latency_ms: float = 0.0
    """0: not logged."""
    at: float = 0.0
    """When, in seconds since 1970; 0: not logged."""


NO_CALL = Call()


class Exchange(NamedTuple):
    """One request that production answered; a named tuple, for a million of them are made."""

    messages: Sequence[Mapping[str, Any]]
    """What was asked, in Chat Completions' form; the whole conversation up to the answer."""
    answer: str | None
    """The text that came back; None where only tools were called."""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    """`{name, arguments}` each; arguments are a value where they are JSON."""
    rating: float = 0.0
    """0 is unrated; what is only good or bad is 5 or 1."""
    category: str = GENERAL
    difficulty: str = MEDIUM
    tools: Sequence[Any] = ()
    response_format: Any = None
    params: Mapping[str, Any] = MappingProxyType({})
    call: Call = NO_CALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Why a record makes no case; the reason never quotes the record."""

    reason: str
    unreadable: bool = False
    """True: something is wrong with the record; False: it is no answered request (a span of a tool, a failed call)."""


def unreadable(reason: str) -> Skip:
    """Return what is wrong with a record."""
    return Skip(reason=reason, unreadable=True)


def question_key(messages: Sequence[Mapping[str, Any]], key: bytes = b"") -> int:
    """Return 64 bits that are alike for the same question: upper and lower case and white space aside."""
    parts = []
    for message in messages:
        content = message.get("content")
        role = message["role"]
        text = content if type(content) is str else _canonical(content)
        parts.append(role)
        parts.append(_folded_once(text) if role in _REPEATED else _folded(text))
        if "tool_calls" in message:
            parts.append(_folded(_canonical(message["tool_calls"])))
    written = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(written, digest_size=8, key=key).digest(), "big")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


_folded_once = lru_cache(maxsize=64)(_folded)
"""System prompts are long, and the same in most records."""


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def fault_of(messages: object) -> str | None:
    """Return what keeps messages from being sent to a model, None if nothing does."""
    if messages is None or messages == []:
        return "no messages"
    if type(messages) is not list:
        return "messages are no list"
    for message in messages:
        if type(message) is not dict:
            return "a message is no object"
        role = message.get("role")
        if type(role) is not str or role not in _ROLES:
            return "a message has no known role"
        if type(message.get("content")) is not str and not isinstance(message.get("content"), list | None):
            return "a message's content is no text"
    return None


def text_of(content: object) -> str | None:
    """Return the text of a message's content, parts joined; None where there is none."""
    if type(content) is str:
        return content
    if not isinstance(content, list):
        return None
    texts = [part if isinstance(part, str) else _part_text(part) for part in content]
    joined = "".join(text for text in texts if text)
    return joined or None


def _part_text(part: object) -> str | None:
    if not isinstance(part, dict):
        return None
    for key in ("text", "content", "output_text"):
        value = part.get(key)
        if isinstance(value, str):
            return value
    return None


def decoded(value: object) -> Any:
    """Return what a JSON text holds where an exporter wrote an object or a list as text; else the value."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


_GOOD = (
    "up",
    "thumbs_up",
    "thumbsup",
    "positive",
    "good",
    "like",
    "liked",
    "helpful",
    "true",
    "yes",
    "\U0001f44d",
)
_BAD = (
    "down",
    "thumbs_down",
    "thumbsdown",
    "negative",
    "bad",
    "dislike",
    "disliked",
    "unhelpful",
    "false",
    "no",
    "\U0001f44e",
)
_WORDS = {**dict.fromkeys(_GOOD, 5.0), **dict.fromkeys(_BAD, 1.0)}


def number(value: object) -> float:
    """Return a rating as a number: true and thumbs up are 5, false and thumbs down 1, what says nothing is 0."""
    if type(value) is int and value in _STARS:
        return float(value)
    if value is True:
        return 5.0
    if value is False:
        return 1.0
    if isinstance(value, str):
        return _spoken(value)
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else 0.0  # noqa: PLR2004  not NaN, not infinite, not beyond a float


def _spoken(text: str) -> float:
    try:
        return number(float(text))
    except ValueError:
        return _WORDS.get(text.strip().casefold().replace(" ", "_").replace("-", "_"), 0.0)


def label(value: object, default: str) -> str:
    """Return a category or difficulty as a short text on one line, without control characters."""
    if type(value) is not str:
        return default
    short = value.strip()[:80]
    return (short if short.isprintable() else one_line(short)[:80]) or default

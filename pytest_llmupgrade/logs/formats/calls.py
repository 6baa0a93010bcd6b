"""Which model answered a logged request, when, how fast, and with how many tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.logs.exchange import NO_CALL, Call, decoded
from pytest_llmupgrade.providers.reading_usage import chat_usage, responses_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_llmupgrade.model import Usage

_MODELS = (
    "gen_ai.response.model",
    "gen_ai.request.model",
    "model",
    "provided_model_name",
    "providedModelName",
    "ls_model_name",
    "model_group",
)
_USAGES = ("usage", "usage_details", "usageDetails", "usage_metadata")
_INPUTS = ("prompt_tokens", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_OUTPUTS = ("completion_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
_CACHED = "gen_ai.usage.cache_read.input_tokens"
_STARTS = (
    "start_time",
    "startTime",
    "start_time_unix_nano",
    "startTimeUnixNano",
    "timeUnixNano",
    "request_created_at",
    "timestamp",
    "created_at",
    "created",
)
_ENDS = ("end_time", "endTime", "end_time_unix_nano", "endTimeUnixNano")
_SAYING = frozenset((*_MODELS, *_USAGES, *_INPUTS, *_STARTS, "latency_ms"))
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From which number on it counts nanoseconds, microseconds or milliseconds, and how many make a second."""
_MOST = 1e30
_FIRST = 1_262_304_000.0
"""2010: no model that this is about has answered before."""
_LONGEST = 120
"""Characters of a model's name."""
_PLAIN_USAGE = frozenset(("input", "output", "total", "unit"))


def call_of(*sources: Any, latency_ms: float = 0.0) -> Call:
    """Return what is said of the call in the first source that says it; other values than objects are passed over."""
    told = [source for source in sources if type(source) is dict and not _SAYING.isdisjoint(source)]
    if not told:
        return NO_CALL
    return Call(
        names=tuple(dict.fromkeys(_names(told))),
        usage=next((usage for source in told if (usage := _usage(source))), None),
        latency_ms=latency_ms or _positive(told[0].get("latency_ms")),
        at=next((at for source in told if (at := _first(source, _STARTS))), 0.0),
    )


def span_ms(record: Mapping[str, Any]) -> float:
    """Return the milliseconds between a record's start and its end, 0 where it does not name both."""
    start, end = _first(record, _STARTS), _first(record, _ENDS)
    return (end - start) * 1000 if 0 < start < end else 0.0


def moment(value: object) -> float:
    """Return a time as seconds since 1970, from ISO 8601 or a number in any usual unit; 0 where it is none."""
    if isinstance(value, str):
        value = _iso(value) or (float(value) if value.isdecimal() and value.isascii() else 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        return 0.0
    seconds = next((value / unit for least, unit in _UNITS if value >= least), float(value))
    return seconds if _FIRST < seconds < _UNITS[-1][0] else 0.0


def _iso(text: str) -> float:
    """Return an ISO time; without a zone it is taken for UTC, as these tools write it."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _names(sources: list[dict[str, Any]]) -> Iterator[str]:
    for source in sources:
        for key in _MODELS:
            name = source.get(key)
            if type(name) is str and name.strip():
                yield name.strip()[:_LONGEST]


def _first(source: Mapping[str, Any], keys: tuple[str, ...]) -> float:
    return next((at for key in keys if key in source and (at := moment(source[key]))), 0.0)


def _usage(source: Mapping[str, Any]) -> Usage | None:
    for key in _USAGES:
        told = decoded(source.get(key))
        usage = _told(told) if isinstance(told, dict) else None
        if usage:
            return usage
    given, written = (
        next((source[key] for key in keys if key in source), None) for keys in (_INPUTS, _OUTPUTS)
    )
    cached = {"cached_tokens": source.get(_CACHED, 0)}
    flat = {"prompt_tokens": given, "completion_tokens": written, "prompt_tokens_details": cached}
    return chat_usage(flat)


def _told(told: dict[str, Any]) -> Usage | None:
    """Return a usage object as tokens; one that counts its cache apart from its input says too little, and is none."""
    if told.get("cache_read_input_tokens") or told.get("cache_creation_input_tokens"):
        return None
    if told.keys() <= _PLAIN_USAGE:
        return chat_usage({"prompt_tokens": told.get("input"), "completion_tokens": told.get("output")})
    return chat_usage(told) or responses_usage(told)


def _positive(value: object) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _UNITS[-1][0]
    return float(value) if usable else 0.0  # type: ignore[arg-type]  # just checked

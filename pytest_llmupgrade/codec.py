"""Nouns to plain JSON values and back: how they cross processes, stores and reports.

Money travels as a decimal string, a tuple as a list, a lone surrogate as `?` (it would kill xdist's channel).
Fields that hold their default are left out.
"""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_llmupgrade.model import (
    CallFailure,
    Completion,
    JudgeCall,
    Judgement,
    PromptUse,
    Record,
    RecordedError,
    Repeat,
    Request,
    ToolCall,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.model import Answer

T = TypeVar("T")
Plain = dict[str, Any]


def completion_to_plain(completion: Completion) -> Plain:
    """Return a completion as JSON values."""
    return _to_plain(completion)


def completion_from_plain(plain: Mapping[str, Any]) -> Completion:
    """Return the completion of `completion_to_plain`; TypeError or KeyError where it is not one."""
    return Completion(**_read(plain, _COMPLETION))


def record_to_plain(record: Record) -> Plain:
    """Return a record as JSON values."""
    return _to_plain(record)


def record_from_plain(plain: Mapping[str, Any]) -> Record:
    """Return the record of `record_to_plain`; TypeError or KeyError where it is not one."""
    return Record(**_read(plain, _RECORD))


def record_to_line(record: Record) -> str:
    """Return a record as one line of JSON, without its end: how it is kept, and how it crosses processes."""
    return json.dumps(_to_plain(record), ensure_ascii=False, separators=(",", ":"))


def record_from_line(line: str | bytes) -> Record:
    """Return the record of `record_to_line`; ValueError, TypeError or KeyError where it is not one."""
    return record_from_plain(json.loads(line))


def request_to_plain(request: Request) -> Plain:
    """Return a request as JSON values."""
    return _to_plain(request)


def request_from_plain(plain: Mapping[str, Any]) -> Request:
    """Return the request of `request_to_plain`; TypeError or KeyError where it is not one."""
    return Request(**plain)


def answer_to_plain(answer: Answer) -> Plain:
    """Return JSON types for a completion or a failure, each under a name of its own."""
    kind = "failure" if isinstance(answer, CallFailure) else "completion"
    return {kind: _to_plain(answer)}


def answer_from_plain(plain: Mapping[str, Any]) -> Answer:
    """Return the completion or the failure that `answer_to_plain` was given."""
    if "completion" in plain:
        return completion_from_plain(plain["completion"])
    return CallFailure(**_read(plain["failure"], {"refused": tuple, "usage": _usage}))


# --- out -------------------------------------------------------------------------------------------


_NOUNS = (
    CallFailure,
    Completion,
    JudgeCall,
    Judgement,
    PromptUse,
    Record,
    RecordedError,
    Repeat,
    Request,
    ToolCall,
    Usage,
)
_FIELDS = {noun: tuple((field.name, field.default) for field in dataclasses.fields(noun)) for noun in _NOUNS}


def _to_plain(noun: Any) -> Plain:
    plain = {}
    for name, default in _FIELDS[type(noun)]:
        value = getattr(noun, name)
        if value is not default and value != default:
            plain[name] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _without_surrogates(value)
    if kind is Decimal:
        return str(value)
    if kind in (tuple, list):
        return [_plain(item) for item in value]
    if kind is dict:
        return {_plain(key): _plain(item) for key, item in value.items()}
    return _to_plain(value) if kind in _FIELDS else value


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode() if not _encodable(text) else text


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- in --------------------------------------------------------------------------------------------


def _read(plain: Mapping[str, Any], readers: Mapping[str, Callable[[Any], Any]]) -> Plain:
    return {
        name: value if value is None or name not in readers else readers[name](value)
        for name, value in plain.items()
    }


def _each(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    return lambda values: tuple(read(value) for value in values)


def _usage(plain: Mapping[str, Any]) -> Usage:
    return Usage(**plain)


def _tool_call(plain: Mapping[str, Any]) -> ToolCall:
    return ToolCall(**plain)


def _judge_call(plain: Mapping[str, Any]) -> JudgeCall:
    return JudgeCall(**_read({"usage": None, **plain}, {"usage": _usage, "adapted": tuple}))


def _judgement(plain: Mapping[str, Any]) -> Judgement:
    return Judgement(**_read(plain, {"calls": _each(_judge_call)}))


_COMPLETION: Mapping[str, Callable[[Any], Any]] = {
    "tool_calls": _each(_tool_call),
    "usage": _usage,
    "adapted": tuple,
}
_REPEAT: Mapping[str, Callable[[Any], Any]] = {
    "tool_calls": _each(_tool_call),
    "judgements": _each(_judgement),
    "cost_usd": Decimal,
}
_RECORD: Mapping[str, Callable[[Any], Any]] = {
    **_COMPLETION,
    "repeats": _each(lambda plain: Repeat(**_read(plain, _REPEAT))),
    "cost_usd": Decimal,
    "judge_cost_usd": Decimal,
    "judgements": _each(_judgement),
    "error": lambda plain: RecordedError(**plain),
    "prompt": lambda plain: PromptUse(**plain),
}

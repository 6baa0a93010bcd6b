"""From an Exchange to the fields of a case: what was asked, what was answered well, and what judges the next answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.importing.drafts import slug
from pytest_llmupgrade.logs.exchange import GENERAL, MEDIUM, question_key, text_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from pytest_llmupgrade.logs.exchange import Exchange

LLM_JUDGE = "llm_judge"
_WORDS = 36
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A case to be written."""

    key: int
    """Of its question, as it will stand in the file."""
    id: str
    fields: Mapping[str, Any]
    """In the order in which they are written, without `id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """Which judge decides about what."""

    default: str = LLM_JUDGE
    by_category: Mapping[str, str] = field(default_factory=dict)
    json_schema: bool = False
    """Answers that are JSON are judged by their shape."""

    def of(self, exchange: Exchange) -> Any:
        """Return what a case writes under `judge`."""
        if exchange.tool_calls:
            return [{"tool_calls": list(exchange.tool_calls)}]
        schema = shape(_json(exchange.answer)) if self.json_schema else None
        if schema is not None:
            return "json_schema" if _schema_of(exchange) else [{"json_schema": {"schema": schema}}]
        return self.by_category.get(exchange.category, self.default)


def judging(written: Sequence[str], *, json_schema: bool) -> Judging:
    """Return what `--judge NAME` and `--judge CATEGORY=NAME` say; UsageError where a name is none."""
    default, by_category = LLM_JUDGE, {}
    for one in written:
        category, equals, name = one.rpartition("=")
        if not name.isidentifier() or (equals and not category):
            raise UsageError(f"--judge {one}: write a judge's name, such as similarity, or CATEGORY=NAME")
        if equals:
            by_category[category] = name
        else:
            default = name
    return Judging(default=default, by_category=by_category, json_schema=json_schema)


def draft(  # noqa: PLR0913  they are what a case says
    exchange: Exchange, judge: Any, *, default: str, weight: float, source: str, taken: Container[str]
) -> Draft:
    """Return an Exchange as a case; `default` is the file's judge, `taken` are the ids that are in use."""
    key = question_key(exchange.messages)
    fields = {
        **_question(exchange.messages),
        **({} if exchange.tool_calls else {"expected": exchange.answer}),
        "category": exchange.category if exchange.category != GENERAL else None,
        "difficulty": exchange.difficulty if exchange.difficulty != MEDIUM else None,
        "weight": _weight(weight) if weight != 1 else None,
        "params": dict(exchange.params) or None,
        "tools": list(exchange.tools) or None,
        "response_format": exchange.response_format,
        "judge": judge if judge != default else None,
        "source": source,
    }
    kept = {name: value for name, value in fields.items() if value is not None}
    return Draft(key=key, id=_id(exchange.messages, key, taken), fields=kept)


def _question(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = messages[0]
    if len(messages) == 1 and first["role"] == "user" and isinstance(first.get("content"), str):
        return {"input": first["content"]}
    return {"messages": [dict(message) for message in messages]}


def _weight(weight: float) -> float | int:
    """Return a weight with four significant digits, and no more of them than it has."""
    short = float(f"{weight:.4g}")
    return int(short) if short.is_integer() else short


def _id(messages: Sequence[Mapping[str, Any]], key: int, taken: Container[str]) -> str:
    """Return the question's first words and digits of its key: the same question gets the same id in every run."""
    asked = next((text_of(one.get("content")) for one in reversed(messages) if one["role"] == "user"), None)
    words = slug(" ".join((asked or "").split())[:200]).replace(".", "-")[:_WORDS].strip("-") or "case"
    digits = f"{key:016x}"
    lengths = range(_DIGITS, len(digits) + 1)
    return next(name for length in lengths if (name := f"{words}-{digits[:length]}") not in taken)


# --- JSON answers ----------------------------------------------------------------------------------


def shape(value: Any) -> dict[str, Any] | None:
    """Return the JSON Schema of an object or list: its keys, all required, and their types; None for other values."""
    return _shape(value) if isinstance(value, dict | list) else None


def _shape(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        properties = {key: _shape(inner) for key, inner in value.items()}
        return {"type": "object", "properties": properties, "required": list(value)}
    if isinstance(value, list):
        shapes = [_shape(inner) for inner in value]
        alike = bool(shapes) and all(one == shapes[0] for one in shapes)
        return {"type": "array", "items": shapes[0]} if alike else {"type": "array"}
    return {"type": _TYPES[type(value)]} if value is not None else {}


_TYPES = {str: "string", bool: "boolean", int: "number", float: "number"}


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        return None


def _schema_of(exchange: Exchange) -> bool:
    form = exchange.response_format
    return isinstance(form, dict) and form.get("type") == "json_schema"

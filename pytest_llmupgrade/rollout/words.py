"""Pydantic's errors about a rollout file, in the words of the one who wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.run.load.words import place, shown
from pytest_llmupgrade.wording import nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

__all__ = ["message", "place"]

_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_too_short": "a text with something in it",
}
_SHAPES = {
    "id": "letters, digits, '.', '_' and '-'",
    "rotate": "a size such as 64MB",
    "env": "a variable's name",
    **dict.fromkeys(("path", "file", "evidence"), "a text without control characters"),
}
_DURATION = "a duration such as 500ms, 30s, 5m, 24h or 7d"
_DURATIONS = ("min_duration", "window", "cooldown", "max_age", "backoff")


def message(error: ErrorDetails) -> str:
    """Return what is wrong and what to write instead."""
    loc = [step for step in error["loc"] if step != "[key]"]
    where = ".".join(str(step) for step in loc)
    if error["type"] == "missing":
        return f"lacks {where}"
    if error["type"] == "too_short":
        return f"{where} is empty; write at least one"
    if error["type"] == "extra_forbidden":
        return _unknown_key(loc)
    if len(loc) != len(error["loc"]):
        return f"{one_line(where)!r} is no name for a metric; write small letters, digits and '_'"
    return f"{where} must be {_must_be(error, str(loc[-1]) if loc else '')}, not {shown(error['input'])}"


def _unknown_key(loc: Sequence[int | str]) -> str:
    known = _keys_at(loc[:-1])
    hint = nearest(str(loc[-1]), known) or f"Known: {', '.join(known)}"
    inside = f" in {'.'.join(str(step) for step in loc[:-1])}" if loc[:-1] else ""
    return f"unknown key {one_line(str(loc[-1]))!r}{inside}. {hint}"


def _keys_at(loc: Sequence[int | str]) -> list[str]:
    """Return the keys known at a place, by walking the schema."""
    from pytest_llmupgrade.rollout.wire import rollout_schema

    schema = rollout_schema()
    node: Any = schema
    for step in loc:
        node = _inside(_resolved(node, schema), step)
    return list(_resolved(node, schema).get("properties", {}))


def _inside(node: Mapping[str, Any], step: int | str) -> Any:
    if isinstance(step, int):
        return node.get("items", {})
    if "properties" in node:
        return node["properties"].get(step, {})
    options: Any = node.get("additionalProperties") or next(
        iter(node.get("patternProperties", {}).values()), {}
    )
    return options if isinstance(options, dict) else {}


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    for option in (node, *node.get("anyOf", ())):
        if "$ref" in option:
            found: Mapping[str, Any] = schema["$defs"][option["$ref"].rpartition("/")[2]]
            return found
    return node


def _must_be(error: ErrorDetails, name: str) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        return f"one of {context.get('expected')}"
    if name in _DURATIONS:
        return _DURATION
    if kind == "string_pattern_mismatch" and name in _SHAPES:
        return _SHAPES[name]
    bounds = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
    if kind in bounds:
        words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}[bounds[kind]]
        return f"{words} {context.get(bounds[kind])}"
    told = error["msg"]
    return _KINDS.get(kind) or told[:1].lower() + told[1:]

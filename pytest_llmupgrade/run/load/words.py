"""Pydantic's errors in the words of the one who wrote the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.run.load.wire import CaseWire, FileWire
from pytest_llmupgrade.run.load.yaml_values import LinedDict, LinedList
from pytest_llmupgrade.wording import nearest, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "list_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def place(root: Any, loc: Sequence[int | str]) -> int:
    """Return the line of the value at a location, or of the nearest that is there."""
    line: int = getattr(root, "line", 1)
    node = root
    for step in loc:
        known = step in node if isinstance(node, LinedDict) else _has_index(node, step)
        if not known:
            break
        line, node = node.lines[step], node[step]
    return line


def _has_index(node: Any, step: int | str) -> bool:
    return isinstance(node, LinedList) and isinstance(step, int) and step < len(node)


def shown(value: object) -> str:
    """Return an offending value, short and harmless."""
    return shorten(printable(repr(value)), 60)


def label(root: Any, loc: Sequence[int | str]) -> str:
    """Return `case 'id': ` for a location inside a case, '' elsewhere."""
    if len(loc) < 2 or loc[0] != "cases":  # noqa: PLR2004  cases, index
        return ""
    case = root["cases"][loc[1]]
    name = case.get("id") if isinstance(case, dict) else None
    return f"case {printable(name)!r}: " if isinstance(name, str) else f"case {int(loc[1]) + 1}: "


def message(error: ErrorDetails, root: Any) -> str:
    """Return what is wrong and what to write instead."""
    loc = error["loc"]
    return label(root, loc) + _what(error, [step for step in loc if isinstance(step, str)])


def _what(error: ErrorDetails, keys: Sequence[str]) -> str:
    kind, name = error["type"], (keys[-1] if keys else "file")
    value, context = error["input"], error.get("ctx", {})
    if kind == "missing":
        return f"lacks {name!r}"
    if kind == "too_short":
        return f"{name} is empty; write at least one"
    if kind == "extra_forbidden":
        return _unknown_key(name, keys)
    return f"{name} must be {_must_be(kind, context, error['msg'])}, not {shown(value)}"


def _unknown_key(name: str, keys: Sequence[str]) -> str:
    known = CaseWire.model_fields if "cases" in keys else FileWire.model_fields
    hint = nearest(name, known) or f"Known: {', '.join(known)}"
    return f"unknown key {printable(name)!r}. {hint}"


def _must_be(kind: str, context: Mapping[str, Any], told: str) -> str:
    if kind == "literal_error":
        return f"one of {context.get('expected')}"
    if kind == "greater_than":
        return f"more than {context.get('gt')}"
    if kind == "greater_than_equal":
        return f"at least {context.get('ge')}"
    return _KINDS.get(kind) or told[:1].lower() + told[1:]

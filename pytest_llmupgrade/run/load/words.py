"""Pydantic's errors in the words of the one who wrote the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.run.load.wire import CaseWire, FileWire
from pytest_llmupgrade.run.load.yaml_values import LinedDict, LinedList
from pytest_llmupgrade.wording import nearest, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    value = error["input"]
    if kind == "missing":
        return f"lacks {name!r}"
    if kind == "extra_forbidden":
        known = CaseWire.model_fields if "cases" in keys else FileWire.model_fields
        hint = nearest(name, known) or f"Known: {', '.join(known)}"
        return f"unknown key {printable(name)!r}. {hint}"
    if kind in _KINDS:
        return f"{name} must be {_KINDS[kind]}, not {shown(value)}"
    if kind == "too_short":
        return f"{name} is empty; write at least one"
    if kind == "literal_error":
        return f"{name} must be one of {error.get('ctx', {}).get('expected')}, not {shown(value)}"
    limits = error.get("ctx", {})
    if kind in ("greater_than", "greater_than_equal"):
        bound = limits.get("gt", limits.get("ge"))
        return f"{name} must be {'more than' if kind == 'greater_than' else 'at least'} {bound}, not {shown(value)}"
    return f"{name}: {error['msg'][:1].lower()}{error['msg'][1:]}, not {shown(value)}"

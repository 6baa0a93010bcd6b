"""JSON Schemas of promptfoo (draft-07, checked by Ajv) as ours (Draft 2020-12)."""

from __future__ import annotations

from typing import Any

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.importing.templates import NoCounterpart
from pytest_llmupgrade.run.load.checks import schema_fault
from pytest_llmupgrade.run.load.yaml_values import read_yaml

_MAPS = frozenset(("properties", "patternProperties", "definitions", "$defs"))
_DATA = frozenset(("enum", "const", "default", "examples", "required"))


def schema_of(kind: str, value: Any) -> dict[str, Any]:
    """Return a schema that accepts the same; {} where there is none; NoCounterpart where it cannot be said."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        value = _parsed(kind, value)
    if isinstance(value, bool):
        raise NoCounterpart(f"{kind} with {str(value).lower()}: promptfoo's versions read it differently")
    if not isinstance(value, dict):
        raise NoCounterpart(f"{kind}: the schema is no mapping")
    schema = _translated(value, kind)
    if fault := schema_fault(schema):
        raise NoCounterpart(f"{kind}: no JSON Schema: {fault}")
    assert isinstance(schema, dict)  # noqa: S101  a mapping stays one
    return schema


def _parsed(kind: str, text: str) -> Any:
    try:
        value, faults = read_yaml(text.encode("utf-8", "replace"), "schema")
    except FaultyFiles as error:
        raise NoCounterpart(f"{kind}: {error.faults[0].message}") from None
    if faults:
        raise NoCounterpart(f"{kind}: {faults[0].message}")
    return value


def _translated(node: Any, kind: str) -> Any:
    """Rename what changed between the drafts; what is checked there and not here has no counterpart."""
    if isinstance(node, list):
        return [_translated(item, kind) for item in node]
    if not isinstance(node, dict):
        return node
    if "format" in node and isinstance(node["format"], str):
        raise NoCounterpart(
            f"{kind}: the schema's format {node['format']!r} is not checked here; write a pattern"
        )
    if "dependencies" in node:
        raise NoCounterpart(f"{kind}: the schema's dependencies; write dependentRequired or dependentSchemas")
    plain = {key: value for key, value in node.items() if key not in ("$schema", "id", "$id")}
    if isinstance(plain.get("items"), list):
        plain["prefixItems"] = plain.pop("items")
        if "additionalItems" in plain:
            plain["items"] = plain.pop("additionalItems")
    return {key: _inner(key, value, kind) for key, value in plain.items()}


def _inner(key: str, value: Any, kind: str) -> Any:
    if key in _DATA:
        return value
    if key in _MAPS and isinstance(value, dict):
        return {name: _translated(inner, kind) for name, inner in value.items()}
    return _translated(value, kind)

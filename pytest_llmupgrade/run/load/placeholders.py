"""`{{ name }}` in messages: identifiers only, replaced once, never evaluated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


def fill(value: Any, names: Mapping[str, Any], unknown: Callable[[str], None]) -> Any:
    """Return a value with the placeholders of all its texts filled in; `unknown` hears of names nobody set."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: _text(match, names, unknown), value) if "{{" in value else value
    if isinstance(value, list):
        return [fill(item, names, unknown) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, names, unknown) for key, item in value.items()}
    return value


def _text(match: re.Match[str], names: Mapping[str, Any], unknown: Callable[[str], None]) -> str:
    name = match.group(1)
    if name not in names:
        unknown(name)
        return match.group()
    return str(names[name])

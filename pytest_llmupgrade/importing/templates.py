"""Nunjucks templates as far as ours go: `{{ name }}`; filters, paths and blocks are left to their own tool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.importing.javascript import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_OTHER = re.compile(r"\{\{.{0,60}|\{%.{0,60}|\{#.{0,60}", re.DOTALL)
_DEPTH = 4
"""How often a value may bring further placeholders."""


class NoCounterpart(ValueError):  # noqa: N818  nobody did wrong: it names what is missing here
    """A template, a file or an assertion that cannot be said here; the message says which part."""


def names_in(template: str) -> tuple[str, ...]:
    """Return the placeholders of a template, each once; NoCounterpart for what is more than a name."""
    other = _OTHER.search(_PLACEHOLDER.sub("", template))
    if other:
        raise NoCounterpart(f"the template {other[0].splitlines()[0]!r} is more than a name")
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(template)))


def rendered(value: Any, names: Mapping[str, Any]) -> Any:
    """Return a value with the placeholders of all its texts filled in; a name nobody set is nothing, as there."""
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, list):
        return [rendered(item, names) for item in value]
    if isinstance(value, dict):
        return {key: rendered(item, names) for key, item in value.items()}
    return value


def _text(text: str, names: Mapping[str, Any]) -> str:
    for _ in range(_DEPTH):
        if "{{" not in text and "{%" not in text:
            return text
        if not names_in(text):
            return text
        text = _PLACEHOLDER.sub(lambda found: text_of(names.get(found[1])), text)
    raise NoCounterpart("placeholders that bring each other")

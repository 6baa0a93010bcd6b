"""Plain values as YAML that reads and diffs well: texts as blocks, hidden characters as escapes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_CONSTANTS = ("null", "true", "false")
_WIDTH = 160
_BLOCKS = ("answer",)
"""Keys of texts that are always blocks, so that an answer diffs alike whether it has one line or many."""
_JOINER = "\u200d"
"""Joins emoji; every other invisible character is shown."""


def yaml_lines(value: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """Yield a mapping's lines; what is short and without texts stands on one line, as JSON."""
    for key, item in value.items():
        head = f"{' ' * indent}{yaml_key(key)}:"
        if isinstance(item, str) and (key in _BLOCKS or "\n" in item):
            yield from _text(head, item, indent + 2)
        else:
            yield from _item(head, item, indent)


def yaml_key(key: str) -> str:
    """Return a key as YAML, quoted where it must be."""
    return key if _PLAIN_KEY.fullmatch(key) else _quoted(key)


def _item(head: str, item: Any, indent: int) -> Iterator[str]:
    if isinstance(item, Mapping):
        flat = _flat(item)
        if len(head) + len(flat) < _WIDTH and not any(_nested(one) for one in item.values()):
            yield f"{head} {flat}"
        else:
            yield head
            yield from yaml_lines(item, indent + 2)
    elif isinstance(item, Sequence):
        yield from _sequence(head, item, indent)
    else:
        yield f"{head} {_flat(item)}"


def _sequence(head: str, items: Sequence[Any], indent: int) -> Iterator[str]:
    if not any(_nested(one) for one in items):
        yield f"{head} {_flat(items)}"
        return
    yield head
    for one in items:
        first, *rest = yaml_lines(one, indent + 4)
        yield f"{' ' * (indent + 2)}- {first.lstrip()}"
        yield from rest


def _nested(item: Any) -> bool:
    return isinstance(item, (Mapping, list, tuple)) or (isinstance(item, str) and "\n" in item)


def _flat(item: Any) -> str:
    if isinstance(item, str):
        return item if _PLAIN_KEY.fullmatch(item) and item.lower() not in _CONSTANTS else _quoted(item)
    if isinstance(item, Mapping):
        return "{" + ", ".join(f"{yaml_key(key)}: {_flat(value)}" for key, value in item.items()) + "}"
    if isinstance(item, Sequence):
        return "[" + ", ".join(map(_flat, item)) + "]"
    return json.dumps(item)


# --- texts -----------------------------------------------------------------------------------------


def _text(head: str, text: str, indent: int) -> Iterator[str]:
    if _fits_block(text):
        yield f"{head} {'|' if text.endswith(chr(10)) else '|-'}"
        for line in text.removesuffix("\n").split("\n"):
            yield f"{' ' * indent}{line}" if line else ""
    else:
        yield from _folded(head, text, indent)


def _fits_block(text: str) -> bool:
    """Tell a text that a literal block holds as it is: nothing hidden, no indentation at its start."""
    body = text.removesuffix("\n")
    return (
        bool(body) and not body.startswith((" ", "\n")) and not body.endswith("\n") and all(map(_shown, body))
    )


def _shown(character: str) -> bool:
    return character == "\n" or character.isprintable() or character == _JOINER


def _folded(head: str, text: str, indent: int) -> Iterator[str]:
    """Yield a quoted text with one line of the file for each of its own."""
    lines = [_escaped(line) for line in text.split("\n")]
    joined = f"\\n\\\n{' ' * indent}".join(
        f"\\{line}" if number and line.startswith(" ") else line for number, line in enumerate(lines)
    )
    yield from f'{head} "{joined}"'.split("\n")


def _quoted(text: str) -> str:
    return '"' + "\\n".join(_escaped(line) for line in text.split("\n")) + '"'


def _escaped(text: str) -> str:
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if _shown(character):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004  YAML's three lengths

"""Fences around hostile text, so that a model reads it as data, and templates that place it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from pytest_llmupgrade.judges.values import escaped, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SLOT = re.compile(r"\{\{\s*(\w*)\s*\}\}")
_NAME_LENGTH = 16


def encoded(value: object) -> str:
    """Return a value as JSON on one line, every unprintable character escaped: no line of it can end a fence."""
    return escaped(json.dumps(plain(value), ensure_ascii=False, default=repr))


def fence_name(contents: Mapping[str, str]) -> str:
    """Return a delimiter that stands in none of the texts; the same texts always get the same one."""
    seed = json.dumps(contents, sort_keys=True)
    attempt = 0
    while True:
        digest = hashlib.sha256(f"{attempt}\n{seed}".encode()).hexdigest()
        name = f"data-{digest[:_NAME_LENGTH]}"
        if not any(name in text for text in contents.values()):
            return name
        attempt += 1


def fenced(name: str, label: str, text: str) -> str:
    """Return a one-line text between an opening and a closing line that carry the delimiter."""
    return f"<{name} {label}>\n{text}\n</{name} {label}>"


def slots_of(template: str) -> tuple[str, ...]:
    """Return the names that stand in `{{ ... }}` in a template, in order."""
    return tuple(_SLOT.findall(template))


def filled(template: str, value_of: Callable[[str], str]) -> str:
    """Fill every `{{ name }}` once; what is filled in is not read again, whatever braces it has."""
    return _SLOT.sub(lambda slot: value_of(slot[1]), template)

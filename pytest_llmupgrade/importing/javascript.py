"""What JavaScript means by a value and by a pattern, said in Python."""

from __future__ import annotations

import json
import re
from typing import Any

_SPACE = r" \t\n\r\f\v\u00a0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": _SPACE}
_SAME = frozenset("bBtnrfv123456789")
"""Escapes that mean the same (word boundaries by the flag `a`); inside a class `\\b` is a backspace in both."""
_QUANTIFIER = re.compile(r"\{\d+(,\d*)?\}")
_GROUP = re.compile(r"\(\?(?::|=|!|<=|<!|<[A-Za-z_$][\w$]*>)")
_HEX = re.compile(r"x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}")
_LARGEST_INTEGER = 1e21
"""From here on JavaScript writes numbers with an exponent."""


class Untranslatable(ValueError):  # noqa: N818  it names what the pattern is
    """A pattern that has no counterpart; the message says what in it."""


def text_of(value: Any) -> str:
    """Return what `String(value)` gives, and what a template writes; null is nothing, objects are JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_INTEGER:
        return str(int(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def pattern_of(source: str) -> str:
    """Return a pattern for the judge `regex` that matches what `new RegExp(source)` does; else Untranslatable."""
    return "(?a)" + "".join(_Translator(source).parts())


class _Translator:
    """Reads a pattern from left to right."""

    def __init__(self, source: str) -> None:
        self._source, self._at = source, 0

    def parts(self) -> list[str]:
        out = []
        while self._at < len(self._source):
            out.append(self._part())
        return out

    def _part(self) -> str:
        rest = self._source[self._at :]
        character = rest[0]
        if character == "\\":
            return self._escape()
        if character == "[":
            return self._set()
        if character == "(" and rest.startswith("(?"):
            return self._group(rest)
        if character == "{" and (found := _QUANTIFIER.match(rest)):
            self._at += found.end()
            return found[0]
        self._at += 1
        return {"$": r"\Z", ".": r"[^\n\r\u2028\u2029]", "{": r"\{", "}": r"\}", "]": r"\]"}.get(
            character, character
        )

    def _group(self, rest: str) -> str:
        found = _GROUP.match(rest)
        if found is None:
            raise Untranslatable(f"the group {rest[:4]}")
        self._at += found.end()
        return found[0]

    def _escape(self) -> str:
        self._at += 2
        letter = self._source[self._at - 1 : self._at]
        if letter.lower() in _CLASSES:
            inverse = "^" if letter.isupper() else ""
            return f"[{inverse}{_CLASSES[letter.lower()]}]"
        if letter == "k" and (found := re.match(r"<([A-Za-z_]\w*)>", self._source[self._at :])):
            self._at += found.end()
            return f"(?P={found[1]})"
        return f"\\{letter}" if letter in _SAME else self._character(letter)

    def _character(self, letter: str) -> str:
        """Return a single escaped character, as it must be written in Python, inside a class or outside."""
        found = _HEX.match(self._source, self._at - 1)
        if found:
            self._at = found.end()
            return f"\\{found[0]}"
        if letter == "0":
            return r"\x00"
        if letter == "" or letter in "cpPuxk":
            raise Untranslatable(f"the escape \\{letter}")
        return re.escape(letter)

    def _set(self) -> str:
        self._at += 1
        negated = self._source.startswith("^", self._at)
        self._at += negated
        members = []
        while not self._source.startswith("]", self._at):
            if self._at >= len(self._source):
                raise Untranslatable("a set that does not end")
            members.append(self._member())
        self._at += 1
        if not members:
            return r"(?s:.)" if negated else "(?!)"
        return f"[{'^' if negated else ''}{''.join(members)}]"

    def _member(self) -> str:
        character = self._source[self._at]
        self._at += 1
        if character != "\\":
            return character if character == "-" else re.escape(character)
        letter = self._source[self._at : self._at + 1]
        self._at += 1
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in ("D", "W", "S"):
            raise Untranslatable(f"\\{letter} inside a set")
        return f"\\{letter}" if letter and letter in "btnrfv" else self._member_character(letter)

    def _member_character(self, letter: str) -> str:
        return r"\-" if letter == "-" else self._character(letter)

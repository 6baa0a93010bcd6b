"""YAML text to plain values that know their lines.

Built on the parser's events, not on PyYAML's constructors: those hang on merge-key bombs, crash on deep nesting, leak
foreign exceptions on odd scalars and take eight times as long. Scalars resolve by the YAML 1.2 core schema, so `no`
stays a text; merge keys and explicit tags are refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 16_000_000
MAX_SCALAR = 1_000_000
MAX_DEPTH = 64
MAX_NODES = 2_000_000
"""Nodes after aliases are expanded: what an alias bomb multiplies."""
MAX_DIGITS = 100

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class LinedDict(dict[str, Any]):
    """A mapping that knows the line of each key."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class LinedList(list[Any]):
    """A sequence that knows the line of each item."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


class _Halt(Exception):  # noqa: N818  it ends the reading; the fault is what is wrong
    """Nothing after this place can be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def read_yaml(data: bytes, file: str) -> tuple[Any, list[Fault]]:
    """Return the document and its duplicate keys as faults; FaultyFiles where it cannot be read at all."""
    text = _decode(data, file)
    builder = _Builder()
    try:
        root = builder.build(yaml.parse(text, Loader=_Loader))
    except _Halt as halt:
        faults = [*builder.faults, (halt.line, halt.message)]
        raise FaultyFiles(Fault(file, line, message) for line, message in faults) from None
    except yaml.YAMLError as error:
        raise FaultyFiles([_yaml_fault(error, text, file)]) from None
    return root, [Fault(file, line, message) for line, message in builder.faults]


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise FaultyFiles([Fault(file, 0, f"{len(data):,} bytes; split it: at most {MAX_BYTES:,} are read")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FaultyFiles(
            [Fault(file, line, f"not UTF-8 (byte 0x{data[error.start]:02x}); save the file as UTF-8")]
        ) from None


def _yaml_fault(error: yaml.YAMLError, text: str, file: str) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = one_line(str(getattr(error, "problem", None) or getattr(error, "reason", None) or error))
    line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", 0)) + 1
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    if re.match(r"\s*\t", shown):
        return Fault(file, line, "a tab in the indentation; indent with spaces")
    return Fault(file, line, f"not valid YAML: {shorten(problem, 200)}")


# --- building --------------------------------------------------------------------------------------


class _Builder:
    """Turns events into values; keeps count of what hostile files inflate."""

    def __init__(self) -> None:
        self.faults: list[tuple[int, str]] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open: set[str] = set()
        self._nodes = 0

    def build(self, events: Iterator[Any]) -> Any:
        root: Any = None
        documents = 0
        for event in events:
            kind = type(event)
            if kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise _Halt(
                        event.start_mark.line + 1, "a second YAML document ('---'); write one per file"
                    )
            elif kind in (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentEndEvent):
                continue
            else:
                root = self._value(event, events, 0)
        return root

    def _value(self, event: Any, events: Iterator[Any], depth: int) -> Any:
        kind = type(event)
        line = event.start_mark.line + 1
        if kind is yaml.AliasEvent:
            return self._alias(event.anchor, line)
        self._nodes += 1
        before = self._nodes
        if event.tag is not None and event.tag != "!":
            raise _Halt(line, f"the tag {one_line(str(event.tag))!r} is not read; write the plain value")
        if depth > MAX_DEPTH:
            raise _Halt(line, f"nested more than {MAX_DEPTH} levels deep")
        anchor = event.anchor
        if anchor is not None:
            self._open.add(anchor)
        if kind is yaml.ScalarEvent:
            value = _scalar(event, line)
        elif kind is yaml.MappingStartEvent:
            value = self._mapping(line, events, depth)
        else:
            value = self._sequence(line, events, depth)
        if anchor is not None:
            self._open.discard(anchor)
            self._anchors[anchor] = value, self._nodes - before + 1
        return value

    def _alias(self, anchor: str, line: int) -> Any:
        if anchor in self._open:
            raise _Halt(line, f"the alias *{anchor} stands inside what it names")
        if anchor not in self._anchors:
            raise _Halt(line, f"the alias *{anchor} names nothing; write &{anchor} before it")
        value, size = self._anchors[anchor]
        self._nodes += size
        if self._nodes > MAX_NODES:
            raise _Halt(line, f"aliases expand to more than {MAX_NODES:,} values; write them out")
        return value

    def _mapping(self, line: int, events: Iterator[Any], depth: int) -> LinedDict:
        mapping = LinedDict(line)
        for event in events:
            if type(event) is yaml.MappingEndEvent:
                break
            key_line = event.start_mark.line + 1
            key = self._key(event, key_line)
            value = self._value(next(events), events, depth + 1)
            if key in mapping:
                first = mapping.lines[key]
                self.faults.append(
                    (key_line, f"{key!r} stands twice; the other is in line {first}; remove one")
                )
            else:
                mapping[key] = value
                mapping.lines[key] = key_line
        return mapping

    def _key(self, event: Any, line: int) -> str:
        if type(event) is not yaml.ScalarEvent:
            raise _Halt(line, "a key that is no text; write keys as plain words")
        if event.tag is not None and event.tag != "!":
            raise _Halt(line, f"the tag {one_line(str(event.tag))!r} is not read; write the plain value")
        if event.value == "<<" and not event.style:
            raise _Halt(
                line, "the merge key '<<' is not read; use the file's defaults, or write the keys out"
            )
        self._nodes += 1
        return str(event.value)

    def _sequence(self, line: int, events: Iterator[Any], depth: int) -> LinedList:
        sequence = LinedList(line)
        for event in events:
            if type(event) is yaml.SequenceEndEvent:
                break
            sequence.lines.append(event.start_mark.line + 1)
            sequence.append(self._value(event, events, depth + 1))
        return sequence


# --- scalars ---------------------------------------------------------------------------------------

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_START = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def _scalar(event: Any, line: int) -> Any:
    text: str = event.value
    if len(text) > MAX_SCALAR:
        raise _Halt(line, f"a text of {len(text):,} characters; at most {MAX_SCALAR:,} are read")
    if event.style or event.tag == "!":  # a plain scalar has style None or ''
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return _number(text, line) if text[0] in _NUMBER_START else text


def _number(text: str, line: int) -> Any:
    if _INTEGER.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise _Halt(line, f"a number of {len(text):,} digits; quote it to make it a text")
        return int(text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise _Halt(line, f"{shorten(text, 40)} is too large for a number; quote it to make it a text")
        return value
    if _NOT_JSON.fullmatch(text):
        raise _Halt(line, f"{text} is no JSON number; quote it to make it a text")
    return text

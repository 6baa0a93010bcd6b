"""Records out of a stream of bytes: JSON lines, a JSON array, or objects one after the other; in constant memory.

The first bytes tell which. Lines are split and parsed one by one; everything else goes through the standard library's
scanner, which knows where a value ends. What cannot be parsed is handed on as a Skip with its line.
"""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_llmupgrade.logs.exchange import Skip, unreadable
from pytest_llmupgrade.logs.opening import Cut, chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO

MAX_RECORD = 64 << 20
"""Bytes of one record; a longer one is passed over."""
_BOM = b"\xef\xbb\xbf"
_ENDINGS = 24
"""A fault this near to the end of what has been read may be cured by reading on: the longest literal or escape."""
_BETWEEN = re.compile(r"[\s,]*")
_TOO_LONG = unreadable(f"a record of more than {MAX_RECORD >> 20} MiB")
_NOT_JSON = unreadable("not valid JSON")


class Raw(NamedTuple):
    """One record as it stands in the log; a named tuple, for a million of them are made."""

    line: int
    value: Any
    """A parsed value, or a Skip."""
    size: int
    """Bytes in the log, about."""


def _parser() -> tuple[Callable[[bytes], Any], tuple[type[Exception], ...]]:
    """Return the fast parser; what it refuses and the standard one takes (NaN, half an emoji) is read all the same."""
    try:
        import orjson
    except ImportError:
        return json.loads, (ValueError, RecursionError)

    def loads(line: bytes, fast: Callable[[bytes], Any] = orjson.loads) -> Any:
        try:
            return fast(line)
        except ValueError:
            return json.loads(line)

    return loads, (ValueError, RecursionError)


def records(stream: IO[bytes]) -> Iterator[Raw]:
    """Yield every record of a log."""
    source = chunks(stream)
    first = next(source, b"")
    if isinstance(first, Cut):
        yield Raw(0, unreadable(first.reason), 0)
        return
    first = first.removeprefix(_BOM)
    pieces = chain((first,), source)
    yield from _lines(pieces) if _is_lines(first) else _values(pieces)


def _is_lines(head: bytes) -> bool:
    """Tell JSON lines: the first or the second line that holds anything is a whole object."""
    loads, faults = _parser()
    for line in [line for line in head.split(b"\n", 8)[:8] if line.strip()][:2]:
        try:
            if isinstance(loads(line), dict):
                return True
        except faults:
            continue
    return False


# --- lines -----------------------------------------------------------------------------------------


def _lines(pieces: Iterable[bytes | Cut]) -> Iterator[Raw]:
    loads, faults = _parser()
    number = 0
    for lines in _split(pieces):
        if isinstance(lines, Skip):
            yield Raw(number + 1, lines, 0)
            continue
        for number, line in enumerate(lines, number + 1):  # noqa: B020  the count goes on
            try:
                value = loads(line)
            except faults:
                if line.strip():
                    yield Raw(number, _fault_of(line), len(line))
                continue
            yield Raw(number, value, len(line))


def _split(pieces: Iterable[bytes | Cut]) -> Iterator[list[bytes] | Skip]:
    carry: list[bytes] = []
    held = 0
    for piece in pieces:
        if isinstance(piece, Cut):
            yield unreadable(piece.reason)
            break
        head, *rest = piece.split(b"\n")
        carry.append(head)
        held += len(head)
        if not rest:
            if held > MAX_RECORD:  # its beginning is given up; its end will not parse and is counted
                carry, held = [b"\x00"], 1
            continue
        first = b"".join(carry)
        carry, held = [rest.pop()], 0
        yield [first, *rest]
    yield [b"".join(carry)]


def _fault_of(line: bytes) -> Skip:
    if line.startswith(b"\x00"):
        return _TOO_LONG
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return unreadable("not UTF-8")
    return _NOT_JSON


# --- values ----------------------------------------------------------------------------------------


def _values(pieces: Iterable[bytes | Cut]) -> Iterator[Raw]:
    yield from _Scanner(pieces).values()


class _Scanner:
    """Reads a JSON array's elements, or objects that follow each other."""

    def __init__(self, pieces: Iterable[bytes | Cut]) -> None:
        self._pieces = iter(pieces)
        self._decode = getincrementaldecoder("utf-8")("surrogateescape").decode
        self._text = ""
        self._at = 0
        self._line = 1
        self._cut: Cut | None = None
        self._indent: str | None = None

    def values(self) -> Iterator[Raw]:
        scan = json.JSONDecoder().raw_decode
        self._begin()
        while self._to_next():
            try:
                value, end = scan(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if self._may_go_on(error) and self._more_at_once():
                    continue
                yield Raw(self._line, unreadable(self._cut.reason) if self._cut else _NOT_JSON, 0)
                if not self._resume():
                    return
                continue
            yield Raw(self._line, self._checked(value, end), end - self._at)
            self._move(end)
        if self._cut:
            yield Raw(self._line, unreadable(self._cut.reason), 0)

    def _begin(self) -> None:
        self._more()
        start = len(self._text) - len(self._text.lstrip())
        if self._text[start : start + 1] == "[":
            start += 1
        self._move(start)

    def _move(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _to_next(self) -> bool:
        """Go to the next value; False where the log or its array ends."""
        while True:
            found = _BETWEEN.match(self._text, self._at)
            self._move(found.end() if found else self._at)
            if self._at < len(self._text):
                break
            if not self._more():
                return False
        if self._text[self._at] == "]":
            return False
        if self._indent is None:
            self._indent = self._text[self._text.rfind("\n", 0, self._at) + 1 : self._at]
        return True

    def _more(self) -> bool:
        """Read on; False at the end, or where one record is longer than any may be."""
        if len(self._text) - self._at > MAX_RECORD:
            return False
        piece = next(self._pieces, None)
        if piece is None or isinstance(piece, Cut):
            self._cut = piece or self._cut
            return False
        self._text = self._text[self._at :] + self._decode(piece)
        self._at = 0
        return True

    def _more_at_once(self) -> bool:
        """Read on until there is twice as much: what does not end is tried anew a few times only."""
        wanted = min(2 * (len(self._text) - self._at), MAX_RECORD)
        went_on = self._more()
        while went_on and len(self._text) - self._at < wanted and self._more():
            pass
        return went_on

    def _may_go_on(self, error: Exception) -> bool:
        if not isinstance(error, json.JSONDecodeError):
            return False
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _ENDINGS

    def _checked(self, value: Any, end: int) -> Any:
        piece = self._text[self._at : end]
        if piece.isascii():
            return value
        try:
            piece.encode()
        except UnicodeEncodeError:
            return unreadable("not UTF-8")
        return value

    def _resume(self) -> bool:
        """Go to the next line that begins as the first record's did; False where there is none."""
        if self._indent is None or self._indent.strip():
            return False
        wanted = f"\n{self._indent}{{"
        while True:
            found = self._text.find(wanted, self._at)
            if found >= 0:
                self._move(found + 1)
                return True
            self._move(max(self._at, len(self._text) - len(wanted)))
            if not self._more():
                return False

"""Numbers and foreign text as people read them: one pure module, so that no two reports differ."""

from __future__ import annotations

import difflib
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

UNPRICED = "unpriced"


# --- numbers ---------------------------------------------------------------------------------------


def money(amount: Decimal | None) -> str:
    """Return USD with at least two significant digits; None is 'unpriced', never zero."""
    if amount is None:
        return UNPRICED
    if amount == 0:
        return "$0"
    if abs(amount) < Decimal("0.000001"):
        return "<$0.000001"
    if abs(amount) >= 1:
        return f"${amount:,.2f}"
    digits = max(2, 1 - amount.adjusted())
    return f"${amount:.{digits}f}"


def share(value: float | None) -> str:
    """Return a share of 0 to 1 as per cent."""
    return "-" if value is None else f"{value * 100:.1f} %"


def interval(low: float, high: float) -> str:
    """Return an interval of shares, in per cent."""
    return f"[{low * 100:.1f}, {high * 100:.1f}]"


def points(difference: float) -> str:
    """Return a difference of shares in percentage points, signed."""
    return f"{difference * 100:+.1f} pp"


def ratio(value: float) -> str:
    """Return a ratio such as `0.89x`."""
    return f"{value:.2f}x"


def duration(milliseconds: float) -> str:
    """Return a duration in the unit that suits it."""
    if milliseconds < 1000:  # noqa: PLR2004  below a second
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:  # noqa: PLR2004  below a minute
        return f"{seconds:.2f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def tokens(count: int) -> str:
    """Return a number of tokens, short from ten thousand on."""
    if count < 10_000:  # noqa: PLR2004  five digits are still read at a glance
        return f"{count:,}"
    if count < 1_000_000:  # noqa: PLR2004
        return f"{count / 1000:.1f}k"
    return f"{count / 1_000_000:.2f}M"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


# --- names -----------------------------------------------------------------------------------------


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'X'?` for the nearest known name, '' where none is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Did you mean {found[0]!r}?" if found else ""


# --- foreign text ----------------------------------------------------------------------------------


_KEPT = {"\n", "\t"}
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = {"\u200d", "\ufe0f"}  # emoji are made with these


def printable(text: str) -> str:
    """Return text whose control sequences, bidi overrides and lone surrogates show instead of acting."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character in _KEPT or character in _JOINERS or character.isprintable():
        return character
    if unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()


def one_line(text: str) -> str:
    """Return text on a single line, printable, white space folded."""
    return " ".join(printable(text).split())


def cells(text: str) -> int:
    """Return how many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def shorten(text: str, width: int) -> str:
    """Return text cut to a width in cells, with `...` where something is missing."""
    if cells(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += _cells(character)
        if used > max(0, width - 3):
            break
        kept.append(character)
    return ("".join(kept) + "...")[: max(width, 0)] if width < 3 else "".join(kept) + "..."  # noqa: PLR2004


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return text filled up with spaces to a width in cells; `right` aligns it to the right."""
    blank = " " * max(0, width - cells(text))
    return blank + text if right else text + blank

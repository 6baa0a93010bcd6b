"""Numbers and foreign text as people read them: one pure module, so that no two reports differ."""

from __future__ import annotations

import difflib
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

UNPRICED = "unpriced"
_SMALLEST = Decimal("0.000001")
_SEPARATORS = re.compile(r"[-_. ]")
_SHORTEST_SLIP = 4
"""Characters of a name from which one letter tells no other name."""
_LONGEST_NAME = 80  # characters; what is longer is no slip of the pen


# --- numbers ---------------------------------------------------------------------------------------


def money(amount: Decimal | None) -> str:
    """Return USD with at least two significant digits; None is 'unpriced', never zero."""
    if amount is None:
        return UNPRICED
    if amount == 0:
        return "$0"
    if amount < 0:
        return f"-{money(-amount)}"
    if amount < _SMALLEST:
        return f"<${_SMALLEST}"
    digits = 2 if amount >= 1 else max(2, 1 - amount.adjusted())
    return f"${amount:,.{digits}f}"


def share(value: float | None) -> str:
    """Return a share of 0 to 1 as per cent; only all is `100.0 %`, and only none `0.0 %`."""
    if value is None:
        return "-"
    shown = f"{value * 100:.1f} %"
    if shown == "100.0 %" and value < 1:
        return ">99.9 %"
    return "<0.1 %" if shown == "0.0 %" and value > 0 else shown


def interval(low: float, high: float) -> str:
    """Return an interval of shares, in per cent."""
    return f"[{_unsigned_zero(low * 100):.1f}, {_unsigned_zero(high * 100):.1f}]"


def points(difference: float, *, unit: str = " pp") -> str:
    """Return a difference of shares (-1 to 1) in percentage points, signed unless it rounds to nothing."""
    value = _unsigned_zero(difference * 100)
    return f"{value:+.1f}{unit}" if value else f"0.0{unit}"


def _unsigned_zero(value: float) -> float:
    """Round to the digit that is shown, without the minus that a small negative number would leave."""
    return round(value, 1) + 0.0


def ratio(value: float) -> str:
    """Return a ratio such as `0.89x`, with two significant digits where it is far below one."""
    if 0 < value < 0.095:  # noqa: PLR2004  two decimals would leave one digit or none
        return f"{Decimal(f'{value:.2g}'):f}x"
    return f"{value:,.0f}x" if value >= 99.5 else f"{value:.2f}x"  # noqa: PLR2004  decimals of 120x say nothing


def duration(milliseconds: float) -> str:
    """Return a duration in the unit that suits it: `840 ms`, `1.24 s`, `2:05 min`, `1:02:05 h`."""
    if 0 < milliseconds < 0.5:  # noqa: PLR2004  would round to nothing
        return "<1 ms"
    if milliseconds < 999.5:  # noqa: PLR2004  would round to a second
        return f"{milliseconds:.0f} ms"
    if milliseconds < 59_995:  # noqa: PLR2004  would round to a minute
        return f"{milliseconds / 1000:.2f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    if minutes < 60:  # noqa: PLR2004  below an hour
        return f"{minutes}:{seconds:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d} h"


def rough_duration(milliseconds: float) -> str:
    """Return an estimated duration, of which two digits are meant: `2.7 days`, `36 h`, `12 min`, `40 s`."""
    size, unit = next((each for each in _ROUGH if milliseconds >= 2 * each[0]), _ROUGH[-1])
    value = float(f"{milliseconds / size:.2g}")
    return f"{value:,.0f} {unit}" if value >= 10 or value == int(value) else f"{value} {unit}"  # noqa: PLR2004  two digits


_ROUGH = ((86_400_000, "days"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def tokens(count: int) -> str:
    """Return a number of tokens, short from ten thousand on: `9,999`, `12.3k`, `1.20M`."""
    if count < 10_000:  # noqa: PLR2004  five digits are still read at a glance
        return f"{count:,}"
    if count < 999_950:  # noqa: PLR2004  would round to a million
        return f"{count / 1000:.1f}k"
    return f"{count / 1_000_000:,.2f}M"


def rounded(count: float) -> str:
    """Return a number of which two digits are meant: `1,300`."""
    return f"{float(f'{count:.2g}'):,.0f}"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Return a count with its noun; `many` where the plural is not the noun and an s."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


# --- names -----------------------------------------------------------------------------------------


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'X'?` for the nearest known name, '' where none is near."""
    if len(name) > _LONGEST_NAME:
        return ""
    by_lower = {candidate.lower(): candidate for candidate in sorted(known, reverse=True)}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"Did you mean {by_lower[found[0]]!r}?" if found else ""


def slip_of(name: str, known: Iterable[str]) -> str | None:
    """Return the known name of which another is a slip: its case, its separators, or one letter inside it.

    Neither a digit nor the last letter counts: `model-a` and `model-b`, or two versions, are two models.
    """
    return next((each for each in known if each != name and _is_slip(name.lower(), each.lower())), None)


def _is_slip(name: str, meant: str) -> bool:
    if _SEPARATORS.sub("", name) == _SEPARATORS.sub("", meant):
        return True
    shorter, longer = sorted((name, meant), key=len)
    if len(shorter) < _SHORTEST_SLIP or len(longer) - len(shorter) > 1:
        return False
    if len(shorter) < len(longer):
        at = next((at for at in range(len(shorter)) if shorter[at] != longer[at]), len(shorter))
        return at < len(shorter) and longer[at].isalpha() and shorter[at:] == longer[at + 1 :]
    apart = [at for at in range(len(name)) if name[at] != meant[at]]
    if not all(name[at].isalpha() and meant[at].isalpha() for at in apart):
        return False
    if len(apart) == 1:
        return apart[0] < len(name) - 1
    swapped = len(apart) == 2 and apart[1] == apart[0] + 1  # noqa: PLR2004  two neighbours
    return swapped and name[apart[0]] == meant[apart[1]] and name[apart[1]] == meant[apart[0]]


# --- foreign text ----------------------------------------------------------------------------------


_SUSPECT = re.compile(r"[^\n\t -~]")
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = {"\u200c", "\u200d"}  # Persian words and emoji are made with these


def printable(text: str) -> str:
    r"""Return text whose control characters, bidi overrides and lone surrogates show (`\x1b`) instead of acting.

    New lines and tabs stay.
    """
    return _SUSPECT.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    character = found[0]
    if character in _JOINERS or unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    return character.encode("unicode_escape").decode()


def inert(line: str) -> str:
    """Return a line of a log that is no GitHub workflow command: the old form is obeyed anywhere, `::` behind blanks, too."""
    start = len(line) - len(line.lstrip())
    words = f": :{line[start + 2 :]}" if line.startswith("::", start) else line[start:]
    return f"{line[:start]}{words}".replace("##[", "## [")


def one_line(text: str) -> str:
    """Return text on a single line, printable, white space folded."""
    return " ".join(printable(text).split())


def inline(name: str) -> str:
    """Return a name that a kept file brought along as it stands inside a line: one line, printable, no command."""
    return inert(one_line(name))


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

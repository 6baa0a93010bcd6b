"""How a fetch tells what it does: bytes so far, bytes in all, and what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from typing import TextIO

Progress: TypeAlias = Callable[[int, "int | None", str], None]
"""`(bytes done, bytes in all or None, what)`; the last call of a fetch has both numbers equal."""

_WIDTH = 30
_MB = 1_000_000


def silent(_done: int, _total: int | None, _what: str) -> None:
    """Tell nothing."""


def bar(stream: TextIO) -> Progress:
    """Return a progress that redraws one line of a terminal."""

    def draw(done: int, total: int | None, what: str) -> None:
        ended = done == total
        stream.write(f"\r{_bar_line(done, total, what)}\x1b[K" + ("\n" if ended else ""))
        stream.flush()

    return draw


def lines(echo: Callable[[str], object]) -> Progress:
    """Return a progress that says once that something starts, for logs and pipes."""
    said: set[str] = set()

    def say(_done: int, total: int | None, what: str) -> None:
        if what not in said:
            said.add(what)
            echo(f"{what} ({_megabytes(total)})" if total else what)

    return say


def _bar_line(done: int, total: int | None, what: str) -> str:
    if not total:
        return f"{what}  {_megabytes(done)}"
    filled = min(_WIDTH, _WIDTH * done // total)
    return f"{what}  [{'#' * filled}{'.' * (_WIDTH - filled)}]  {_megabytes(done)} of {_megabytes(total)}"


def _megabytes(count: int) -> str:
    return f"{count / _MB:.1f} MB"

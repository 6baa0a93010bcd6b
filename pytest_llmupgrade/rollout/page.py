"""What the rollout's commands write on: a width, and colours or none."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS = {
    "rolled_back": "31;1",
    "killed": "31;1",
    "hold": "33;1",
    "ready": "32;1",
    "complete": "32;1",
    "pilot": "1",
    "shadow": "1",
    "pass": "32",
    "lacking": "33",
    "wrong": "33;1",
    "harm": "31;1",
}
_NARROW = (10, 15, 15, 20, 7, 7)
_WIDE = (18, 26, 26, 24, 10, 10)
_LONGEST_LINE = 120
_PIPE_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the lines are written on."""

    width: int
    """Cells."""
    colour: bool

    def coloured(self, text: str, kind: str) -> str:
        """Return text in the colour of a state or a finding."""
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self.colour else text

    def row(self, texts: Sequence[str]) -> str:
        """Return a row of the table, its cells cut where they are too long."""
        widths = _WIDE if self.width > sum(_WIDE) + len(_WIDE) else _NARROW
        cells = [
            wording.pad(wording.shorten(text, width), width, right=index > 0)
            for index, (text, width) in enumerate(zip(texts, widths, strict=False))
        ]
        return " ".join(cells).rstrip()

    def wrapped(self, text: str, indent: int) -> list[str]:
        """Return lines that fit, without their indent."""
        return textwrap.wrap(
            wording.one_line(text), max(20, min(self.width, _LONGEST_LINE) - indent), break_on_hyphens=False
        ) or [""]


def page() -> Page:
    """Return the page that standard output is."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else _PIPE_WIDTH
    colour = not os.environ.get("NO_COLOR") and (bool(os.environ.get("FORCE_COLOR")) or terminal)
    return Page(width=width, colour=colour)

"""Draws a terminal's output as SVG, for README: colours and bold of ANSI sequences, nothing else.

Run: COLUMNS=96 FORCE_COLOR=1 llmupgrade report | sed -n 1,46p | python scripts/picture.py docs/terminal.svg; `.ci/run` does it
from a real run and compares. Both themes are in the file: it follows the reader's.
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path

_CODE = re.compile(r"\x1b\[([0-9;]*)m")
_CLASSES = {"1": "b", "2": "d", "31": "r", "32": "g", "33": "y"}
_CELL, _LINE, _EDGE = 8.4, 19, 16
_STYLE = """
svg { background: #ffffff; border-radius: 8px } text { font: 14px ui-monospace, Menlo, Consolas, monospace; fill: #24292f;
white-space: pre } .b { font-weight: 700 } .d { fill: #6e7781 } .r { fill: #cf222e } .g { fill: #1a7f37 } .y { fill: #9a6700 }
@media (prefers-color-scheme: dark) { svg { background: #0d1117 } text { fill: #e6edf3 } .d { fill: #8b949e }
.r { fill: #ff7b72 } .g { fill: #3fb950 } .y { fill: #d29922 } }
"""


def spans(line: str) -> list[tuple[str, str]]:
    """Return a line's pieces: CSS class and text."""
    found, kind, at = [], "", 0
    for code in _CODE.finditer(line):
        if code.start() > at:
            found.append((kind, line[at : code.start()]))
        kind, at = _CLASSES.get(code[1], ""), code.end()
    if line[at:]:
        found.append((kind, line[at:]))
    return found


def svg(text: str) -> str:
    """Return the drawing of a terminal with this text."""
    lines = text.rstrip("\n").split("\n")
    widest = max(len(_CODE.sub("", line)) for line in lines)
    width, height = 2 * _EDGE + widest * _CELL, 2 * _EDGE + len(lines) * _LINE
    rows = []
    for number, line in enumerate(lines):
        at = 0
        for kind, piece in spans(line):
            place = f'x="{_EDGE + at * _CELL:.1f}" y="{_EDGE + (number + 0.8) * _LINE:.1f}"'
            size = f'textLength="{len(piece) * _CELL:.1f}"'
            rows.append(f'<text {place} {size} class="{kind}">{escape(piece)}</text>')
            at += len(piece)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">'
    return "\n".join([head, f"<style>{_STYLE}</style>", *rows, "</svg>", ""])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(svg(sys.stdin.read()), encoding="utf-8")

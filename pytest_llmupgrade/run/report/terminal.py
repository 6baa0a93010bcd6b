"""The Summary for a terminal: lines of styled spans, right at any width from 80 columns on."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_llmupgrade.run.report.changes import cause_lines, comparison_lines
from pytest_llmupgrade.run.report.notes import note_lines
from pytest_llmupgrade.run.report.spans import Line, Span
from pytest_llmupgrade.run.report.table import table_lines
from pytest_llmupgrade.run.report.verdict_lines import STYLES, verdict_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.run.report.verdict_lines import Emphasis
    from pytest_llmupgrade.run.summary import Summary


SCREEN = 40
"""Lines after which the verdict has left the screen, and is said again."""


def terminal_lines(summary: Summary, *, width: int, verbosity: int = 0) -> Iterator[Line]:
    """Yield the report's lines; verbosity below 0 leaves the verdict-bearing ones, above 0 lists all flips."""
    lines = list(verdict_lines(summary))
    yield from _verdicts(lines, width)
    if lines:
        yield ()
    body = list(_body(summary, width=width, verbosity=verbosity))
    yield from body
    if len(body) > SCREEN:
        # who scrolls up from the prompt meets the verdict, not the last of the cases
        yield ()
        yield from _verdicts([line for line in lines if line[1]], width)


def _body(summary: Summary, *, width: int, verbosity: int) -> Iterator[Line]:
    yield from table_lines(summary, width=width, verbosity=verbosity)
    for comparison in summary.comparisons:
        yield ()
        yield from comparison_lines(comparison, width, verbosity)
    if not summary.comparisons and verbosity >= 0:
        for model in summary.models:
            yield from cause_lines("why it missed", model.causes, width)
    yield from note_lines(summary, width)


def _verdicts(lines: Sequence[Emphasis], width: int) -> Iterator[Line]:
    """Yield the verdicts, wrapped; nothing where a single model ran and nothing fails."""
    for text, kind in lines:
        indent = " " * (len(text) - len(text.lstrip()) + 2)
        for line in textwrap.wrap(text, width, subsequent_indent=indent):
            yield (Span(line, STYLES[kind]),)

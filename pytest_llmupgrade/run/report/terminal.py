"""The Summary for a terminal: lines of styled spans, right at any width from 80 columns on."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_llmupgrade.run.report.changes import cause_lines, comparison_lines
from pytest_llmupgrade.run.report.notes import note_lines
from pytest_llmupgrade.run.report.prompt_lines import effect_lines, grid
from pytest_llmupgrade.run.report.spans import Line, Span, Style
from pytest_llmupgrade.run.report.table import table_lines
from pytest_llmupgrade.run.report.verdict_lines import STYLES, verdict_lines
from pytest_llmupgrade.wording import cells, inline, pad, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_llmupgrade.run.prompt_effects import PromptEffects
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
    for effects in summary.prompts if verbosity >= 0 else ():
        yield from _prompt(effects, width)
    yield from note_lines(summary, width)


_PROMPT_STYLES: Mapping[str, Style] = {"title": "bold", "bad": "bad", "good": "good"}


def _prompt(effects: PromptEffects, width: int) -> Iterator[Line]:
    """Yield a prompt's grid and what it comes to; nothing where one model was told one version."""
    if len(effects.cells) == 1:
        return
    yield ()
    yield (
        Span(f"prompt {shorten(inline(effects.name), width - 30)}", "bold"),
        Span(", accuracy by model and version"),
    )
    rows = list(grid(effects))
    sizes = [min(max(map(cells, column)), 30) for column in zip(*rows, strict=True)]
    for row in rows:
        texts = [pad(shorten(text, size), size) for text, size in zip(row, sizes, strict=True)]
        yield (Span(f"  {'  '.join(texts)}".rstrip()[:width]),)
    for text, kind in effect_lines(effects):
        indent = "  " if kind == "title" else "    "
        for line in textwrap.wrap(
            text, width, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
        ):
            yield (Span(line, _PROMPT_STYLES.get(kind, "")),)


def _verdicts(lines: Sequence[Emphasis], width: int) -> Iterator[Line]:
    """Yield the verdicts, wrapped; nothing where a single model ran and nothing fails."""
    for text, kind in lines:
        indent = " " * (len(text) - len(text.lstrip()) + 2)
        for line in textwrap.wrap(text, width, subsequent_indent=indent):
            yield (Span(line, STYLES[kind]),)

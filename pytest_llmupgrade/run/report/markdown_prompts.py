"""A prompt's grid as Markdown, with what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.run.report.markdown_text import plain
from pytest_llmupgrade.run.report.prompt_lines import effect_lines, grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.run.prompt_effects import PromptEffects


def prompt_block(effects: PromptEffects) -> Iterator[str]:
    """Yield the lines of one prompt."""
    yield f"#### Prompt {plain(effects.name)}"
    yield ""
    for index, row in enumerate(grid(effects)):
        yield f"| {' | '.join(map(plain, row))} |"
        if not index:
            yield f"|---|{'---:|' * (len(row) - 1)}"
    for text, kind in effect_lines(effects):
        if kind == "title":
            yield from ("", f"**{plain(text[:1].upper() + text[1:])}**", "")
        else:
            yield f"- {plain(text)}"

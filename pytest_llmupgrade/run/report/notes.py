"""The terminal's last lines: what a reader should hear once."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.run.report.spans import SHOWN, Line, Span
from pytest_llmupgrade.wording import inline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.run.summary import Summary


def note_lines(summary: Summary, width: int) -> Iterator[Line]:
    """Yield the calls, how the run ended, reruns, notices, flaky cases, unpriced models, adapted parameters and errors."""
    lines = [
        *ended_words(summary),
        *rerun_words(summary),
        *summary.calls.notices,
        *_flaky(summary),
        *_unpriced(summary),
        *_adapted(summary),
        *_errors(summary),
    ]
    counts = _calls(summary)
    if lines or counts:
        yield ()
    if counts:
        yield (Span(counts, "dim"),)
    for text in lines:
        for line in textwrap.wrap(inline(text), width, subsequent_indent="  "):
            yield (Span(line, "warn"),)


def ended_words(summary: Summary) -> Iterator[str]:
    """Yield that the run, or one of those that are shown as one, is not whole."""
    if summary.exit_reason != "finished":
        yield f"not finished ({summary.exit_reason}): these are the figures of a part"


def rerun_words(summary: Summary) -> Iterator[str]:
    """Yield that items were run again, and what that does not change."""
    if summary.rerun:
        yield (
            f"{wording.plural(summary.rerun, 'item')} run again: the first answer that was judged counts "
            "(--llm-repeat measures flakiness)"
        )


def _calls(summary: Summary) -> str:
    """Return what was called, where it is not simply everything once."""
    calls = summary.calls
    words = [
        f"{calls.live} made in this run",
        f"{calls.stored} from the store" if calls.stored else "",
        f"{calls.retried} tried again" if calls.retried else "",
        f"${calls.spent_usd:.4f} of the budget of ${calls.budget_usd} spent" if calls.budget_usd else "",
    ]
    return f"calls: {' · '.join(filter(None, words))}" if any(words[1:]) else ""


def _flaky(summary: Summary) -> Iterator[str]:
    for model in summary.models:
        if model.flaky:
            names = [f"{one.case_id.rpartition('::')[2]} {one.passes}/{one.times}" for one in model.flaky]
            more = f", {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            listing = ", ".join(names[:SHOWN])
            yield f"{model.name}: {wording.plural(len(names), 'case')} passed sometimes: {listing}{more}"


def _unpriced(summary: Summary) -> Iterator[str]:
    for model in summary.models:
        if model.unpriced:
            answers = wording.plural(model.unpriced, "answer")
            counted = model.usage.input_tokens + model.usage.output_tokens
            advice = (
                f'set price = {{...}} in [tool.llmupgrade.models."{model.model or model.name}"]'
                if counted
                else "no token counts came with them"
            )
            yield f"{model.name}: {answers} unpriced; {advice}"


def _adapted(summary: Summary) -> Iterator[str]:
    for model in summary.models:
        for words in model.adapted:
            yield f"{model.name}: {words}"
    yield from summary.judge_adapted


def _errors(summary: Summary) -> Iterator[str]:
    for message, count in tuple(summary.errors.items())[:SHOWN]:
        yield f"{wording.plural(count, 'error')}: {message}"

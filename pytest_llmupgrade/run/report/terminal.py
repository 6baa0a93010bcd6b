"""The Summary for a terminal: lines of styled spans, right at any width from 80 columns on."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_llmupgrade import wording
from pytest_llmupgrade.run.causes import OTHER
from pytest_llmupgrade.run.report.verdict_lines import STYLES, difference_words, verdict_lines
from pytest_llmupgrade.wording import cells, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.causes import CauseGroup
    from pytest_llmupgrade.run.summarise import Comparison, Flip, ModelSummary, Summary, Tally

Style: TypeAlias = Literal["", "bold", "dim", "good", "bad", "warn"]

LABEL_WIDTH = 18
COLUMN_MIN = 18
COLUMN_MAX = 30
FLIPS_SHOWN = 10
_QUIET_METRICS = 4
"""What -q leaves of the table: accuracy, its interval, and how the items ended."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line in one style."""

    text: str
    style: Style = ""


Line: TypeAlias = "tuple[Span, ...]"
Cell: TypeAlias = "Callable[[ModelSummary], str]"


def terminal_lines(summary: Summary, *, width: int, verbosity: int = 0) -> Iterator[Line]:
    """Yield the report's lines; verbosity below 0 leaves the verdict-bearing ones, above 0 lists all flips."""
    yield from _verdicts(summary, width)
    for chunk in _chunks(summary.models, width):
        yield from _table(summary, chunk, width, verbosity)
    for comparison in summary.comparisons:
        yield ()
        yield from _comparison(comparison, width, verbosity)
    if not summary.comparisons and verbosity >= 0:
        for model in summary.models:
            yield from _causes("why it missed", model.causes, width)
    yield from _notes(summary, width)


def _verdicts(summary: Summary, width: int) -> Iterator[Line]:
    """Yield the verdicts first, wrapped; nothing where a single model ran and nothing fails."""
    lines = list(verdict_lines(summary))
    for text, kind in lines:
        indent = " " * (len(text) - len(text.lstrip()) + 2)
        for line in textwrap.wrap(text, width, subsequent_indent=indent):
            yield (Span(line, STYLES[kind]),)
    if lines:
        yield ()


# --- the table: metrics down, models across --------------------------------------------------------


def _chunks(models: Sequence[ModelSummary], width: int) -> Iterator[Sequence[ModelSummary]]:
    """Split the candidates so that each table fits, the incumbent first in each."""
    fit = max(2, (width - LABEL_WIDTH) // (COLUMN_MIN + 1))
    yield models[:fit]
    for start in range(fit, len(models), fit - 1):
        yield (models[0], *models[start : start + fit - 1])


def _column_width(models: Sequence[ModelSummary], width: int) -> int:
    longest = max(len(model.name) for model in models)
    room = (width - LABEL_WIDTH) // len(models) - 1
    return max(COLUMN_MIN, min(longest + 1, room, COLUMN_MAX)) if room >= COLUMN_MIN else room


def _table(summary: Summary, models: Sequence[ModelSummary], width: int, verbosity: int) -> Iterator[Line]:
    column = _column_width(models, width)
    yield _row("", [shorten(printable(model.name), column) for model in models], column, "bold")
    if len(summary.models) > 1:
        roles = ["incumbent" if model.name == summary.incumbent else "candidate" for model in models]
        yield _row("", roles, column, "dim")
    for label, cell in _METRICS if verbosity >= 0 else _METRICS[:_QUIET_METRICS]:
        texts = [cell(model) for model in models]
        if any(texts):
            yield _row(label, [text or "-" for text in texts], column)
    if verbosity >= 0:
        yield from _groups("by category", models, column, lambda model: model.by_category)
        yield from _groups("by difficulty", models, column, lambda model: model.by_difficulty)


def _row(label: str, texts: Sequence[str], column: int, style: Style = "") -> Line:
    spans = [Span(wording.pad(shorten(label, LABEL_WIDTH), LABEL_WIDTH), "" if style else "dim")]
    spans.extend(Span(" " + wording.pad(text, column, right=True), style) for text in texts)
    return tuple(spans)


def _accuracy(model: ModelSummary) -> str:
    return wording.share(model.tally.accuracy) if model.tally.accuracy is not None else "nothing judged"


def _interval(model: ModelSummary) -> str:
    interval = model.tally.interval
    return wording.interval(interval.low, interval.high) if interval else ""


def _outcomes(model: ModelSummary) -> str:
    return f"{model.tally.passed} / {model.tally.missed}"


def _unjudged(model: ModelSummary) -> str:
    return f"{model.tally.errored} / {model.tally.skipped}"


def _planned(model: ModelSummary) -> str:
    not_run = f" ({model.tally.not_run} not run)" if model.tally.not_run else ""
    return f"{model.tally.planned}{not_run}"


def _tokens(model: ModelSummary) -> str:
    return f"{wording.tokens(model.usage.input_tokens)} / {wording.tokens(model.usage.output_tokens)}"


def _cached(model: ModelSummary) -> str:
    usage = model.usage
    if not (usage.cached_input_tokens or usage.reasoning_tokens):
        return ""
    return f"{wording.tokens(usage.cached_input_tokens)} / {wording.tokens(usage.reasoning_tokens)}"


def _cost(model: ModelSummary) -> str:
    if not model.completed:
        return "-"
    return wording.money(model.cost_usd)


def _per_1000(model: ModelSummary) -> str:
    return wording.money(model.cost_per_1000_usd) if model.cost_per_1000_usd is not None else ""


def _per_passed(model: ModelSummary) -> str:
    return wording.money(model.cost_per_passed_usd) if model.cost_per_passed_usd is not None else ""


def _judging(model: ModelSummary) -> str:
    return wording.money(model.judge_cost_usd) if model.judge_cost_usd is not None else ""


def _latency(model: ModelSummary) -> str:
    if model.latency_p50_ms is None or model.latency_p95_ms is None:
        return ""
    return f"{wording.duration(model.latency_p50_ms)} / {wording.duration(model.latency_p95_ms)}"


_METRICS: tuple[tuple[str, Cell], ...] = (
    ("accuracy", _accuracy),
    ("  95 % interval", _interval),
    ("passed / missed", _outcomes),
    ("errored / skipped", _unjudged),
    ("planned", _planned),
    ("tokens in / out", _tokens),
    ("  cached / reason.", _cached),
    ("cost", _cost),
    ("  per 1,000 calls", _per_1000),
    ("  per passed case", _per_passed),
    ("  judging, beside", _judging),
    ("latency p50 / p95", _latency),
)


def _groups(
    title: str,
    models: Sequence[ModelSummary],
    column: int,
    groups: Callable[[ModelSummary], Mapping[str, Tally]],
) -> Iterator[Line]:
    names = sorted({name for model in models for name in groups(model)})
    if len(names) < 2:  # noqa: PLR2004  one group says what the whole says
        return
    yield (Span(title, "dim"),)
    for name in names:
        yield _row(f"  {printable(name)}", [_group_cell(groups(model).get(name)) for model in models], column)


def _group_cell(tally: Tally | None) -> str:
    if tally is None or tally.accuracy is None:
        return "-"
    return f"{tally.passed}/{tally.judged} {wording.share(tally.accuracy):>7}"


# --- candidate against incumbent -------------------------------------------------------------------


def _comparison(comparison: Comparison, width: int, verbosity: int) -> Iterator[Line]:
    room = (width - 30) // 2
    names = [shorten(printable(name), room) for name in (comparison.candidate, comparison.incumbent)]
    yield (
        Span(" against ".join(names), "bold"),
        Span(f", {wording.plural(comparison.paired, 'case')} paired"),
    )
    yield (
        Span(f"  {len(comparison.broke)} broke", "bad" if comparison.broke else ""),
        Span(" · "),
        Span(f"{len(comparison.fixed)} fixed", "good" if comparison.fixed else ""),
        Span(f" · {comparison.both_passed} both passed · {comparison.both_missed} both missed"),
        Span(f" · {comparison.unpaired} unpaired" if comparison.unpaired else "", "warn"),
    )
    yield from _differences(comparison)
    if verbosity >= 0:
        yield from _causes("why it broke", comparison.causes, width)
        yield from _flips("broke", comparison.broke, width, verbosity)
        yield from _flips("fixed", comparison.fixed, width, verbosity)


def _differences(comparison: Comparison) -> Iterator[Line]:
    """Yield how far the two are apart; this is evidence, and no verdict."""
    difference = difference_words(comparison)
    if not difference:
        return
    yield (Span(f"  {difference}"),)
    ratios = (("cost", comparison.cost_ratio), ("latency", comparison.latency_ratio))
    words = [
        f"{name} {wording.ratio(found.estimate)} [{wording.ratio(found.low)}, {wording.ratio(found.high)}]"
        for name, found in ratios
        if found is not None
    ]
    if words:
        yield (Span(f"  {' · '.join(words)}, 95 % intervals", "dim"),)


def _causes(title: str, groups: Sequence[CauseGroup], width: int) -> Iterator[Line]:
    """Yield misses by cause with what usually helps; nothing where no rule knows any."""
    if all(group.cause is OTHER for group in groups):
        return
    yield (Span(f"  {title}", "bold"),)
    for group in groups:
        names = ", ".join(printable(record.case_id).rpartition("::")[2] for record in group.examples)
        more = ", ..." if group.count > len(group.examples) else ""
        head = f"  {group.count:>4}  {group.cause.words}"
        yield (Span(head, "bad"), Span(f"  {shorten(names + more, max(10, width - len(head) - 2))}", "dim"))
        for line in (
            textwrap.wrap(f"try: {group.cause.repair}", width - 8) if group.cause is not OTHER else ()
        ):
            yield (Span(f"        {line}"),)


def _flips(label: str, flips: Sequence[Flip], width: int, verbosity: int) -> Iterator[Line]:
    shown = flips if verbosity > 0 else flips[:FLIPS_SHOWN]
    style: Style = "bad" if label == "broke" else "good"
    for flip in shown:
        name = shorten(printable(flip.case_id).rpartition("::")[2], width // 2)
        place = shorten(f"{flip.candidate.file}:{flip.candidate.line}", width - cells(name) - 10)
        yield (Span(f"  {label} ", style), Span(name, "bold"), Span(f"  {place}", "dim"))
        missed = flip.candidate if label == "broke" else flip.incumbent
        yield _answer_line("was", flip.incumbent, width)
        yield _answer_line("now", flip.candidate, width)
        yield _reason_line(missed, width)
    if len(flips) > len(shown):
        yield (Span(f"  ... {len(flips) - len(shown)} more {label} (-v lists all)", "dim"),)


def _answer_line(label: str, record: Record, width: int) -> Line:
    calls = " ".join(f"{call.name}({call.arguments})" for call in record.tool_calls)
    answer = " ".join(printable(f"{record.answer or ''} {calls}").split()) or "(empty)"
    return (Span(f"    {label}: ", "dim"), Span(shorten(answer, width - 9)))


def _reason_line(record: Record, width: int) -> Line:
    missed = [judgement for judgement in record.judgements if not judgement.passed]
    words = "; ".join(f"{judgement.judge}: {judgement.reason.partition(chr(10))[0]}" for judgement in missed)
    return (Span("    why: ", "dim"), Span(shorten(printable(words), width - 9), "dim"))


# --- notes -----------------------------------------------------------------------------------------


def _notes(summary: Summary, width: int) -> Iterator[Line]:
    lines = [
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
        for line in textwrap.wrap(printable(text), width, subsequent_indent="  "):
            yield (Span(line, "warn"),)


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
            more = f", {len(names) - FLIPS_SHOWN} more" if len(names) > FLIPS_SHOWN else ""
            listing = ", ".join(names[:FLIPS_SHOWN])
            yield f"{model.name}: {wording.plural(len(names), 'case')} passed sometimes: {listing}{more}"


def _unpriced(summary: Summary) -> Iterator[str]:
    for model in summary.models:
        if model.unpriced:
            answers = wording.plural(model.unpriced, "answer")
            yield f'{model.name}: {answers} unpriced; set price = {{...}} in [tool.llmupgrade.models."{model.name}"]'


def _adapted(summary: Summary) -> Iterator[str]:
    for model in summary.models:
        for words in model.adapted:
            yield f"{model.name}: {words}"


def _errors(summary: Summary) -> Iterator[str]:
    for message, count in tuple(summary.errors.items())[:FLIPS_SHOWN]:
        yield f"{wording.plural(count, 'error')}: {message}"

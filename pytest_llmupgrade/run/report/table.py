"""The terminal's table: metrics down, models across, split so that each part fits the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade import wording
from pytest_llmupgrade.run.report.spans import Line, Span, Style
from pytest_llmupgrade.wording import inline, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_llmupgrade.run.summary import ModelSummary, Summary, Tally

LABEL_WIDTH = 18
COLUMN_MIN = 18
COLUMN_MAX = 30
_QUIET_METRICS = 5
"""What -q leaves of the table: accuracy, its interval, that of the traffic, and how the items ended."""

Cell: TypeAlias = "Callable[[ModelSummary], str]"


def table_lines(summary: Summary, *, width: int, verbosity: int) -> Iterator[Line]:
    """Yield the models side by side, the incumbent first in each part."""
    for chunk in _chunks(summary.models, width):
        yield from _table(summary, chunk, width, verbosity)


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
    yield _row("", [shorten(inline(model.name), column) for model in models], column, "bold")
    if len(summary.models) > 1:
        roles = ["incumbent" if model.name == summary.incumbent else "candidate" for model in models]
        yield _row("", roles, column, "dim")
    for label, cell in _shown(models, verbosity):
        texts = [cell(model) for model in models]
        if any(text != "$0" or not label.startswith(" ") for text in texts if text):
            yield _row(label, [text or "-" for text in texts], column)
    if verbosity >= 0:
        yield from _groups("by category", models, column, lambda model: model.by_category)
        yield from _groups("by difficulty", models, column, lambda model: model.by_difficulty)


def _shown(models: Sequence[ModelSummary], verbosity: int) -> Sequence[tuple[str, Cell]]:
    """Return the rows of a table; however quiet, what never ran is told, so that a lost worker hides nothing."""
    lacking = any(model.tally.not_run for model in models)
    return _METRICS if verbosity >= 0 else _METRICS[: _QUIET_METRICS + lacking]


def _row(label: str, texts: Sequence[str], column: int, style: Style = "") -> Line:
    spans = [Span(wording.pad(shorten(label, LABEL_WIDTH), LABEL_WIDTH), "" if style else "dim")]
    spans.extend(Span(" " + wording.pad(text, column, right=True), style) for text in texts)
    return tuple(spans)


def _accuracy(model: ModelSummary) -> str:
    return wording.share(model.tally.accuracy) if model.tally.accuracy is not None else "nothing judged"


def _interval(model: ModelSummary) -> str:
    interval = model.tally.interval
    return wording.interval(interval.low, interval.high) if interval else ""


def _by_traffic(model: ModelSummary) -> str:
    return wording.share(model.weighted_accuracy) if model.weighted_accuracy is not None else ""


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


def _per_month(model: ModelSummary) -> str:
    return wording.money(model.monthly_cost_usd) if model.monthly_cost_usd is not None else ""


def _judging(model: ModelSummary) -> str:
    return wording.money(model.judge_cost_usd) if model.judge_cost_usd is not None else ""


def _latency(model: ModelSummary) -> str:
    if model.latency_p50_ms is None or model.latency_p95_ms is None:
        return ""
    return f"{wording.duration(model.latency_p50_ms)} / {wording.duration(model.latency_p95_ms)}"


_METRICS: tuple[tuple[str, Cell], ...] = (
    ("accuracy", _accuracy),
    ("  95 % interval", _interval),
    ("  by traffic", _by_traffic),
    ("passed / missed", _outcomes),
    ("errored / skipped", _unjudged),
    ("planned", _planned),
    ("tokens in / out", _tokens),
    ("  cached / reason.", _cached),
    ("cost", _cost),
    ("  per 1,000 calls", _per_1000),
    ("  per passed case", _per_passed),
    ("  per month", _per_month),
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
        yield _row(f"  {inline(name)}", [_group_cell(groups(model).get(name)) for model in models], column)


def _group_cell(tally: Tally | None) -> str:
    if tally is None or tally.accuracy is None:
        return "-"
    return f"{tally.passed}/{tally.judged} {wording.share(tally.accuracy):>7}"

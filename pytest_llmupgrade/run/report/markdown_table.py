"""The models side by side as Markdown tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.run.report.markdown_text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_llmupgrade.run.summary import ModelSummary, Tally


def model_table(models: Sequence[ModelSummary], incumbent: str | None) -> Iterator[str]:
    """Yield each metric as a row, the models across."""
    roles = [" (incumbent)" if len(models) > 1 and model.name == incumbent else "" for model in models]
    names = [f"{plain(model.name)}{role}" for model, role in zip(models, roles, strict=True)]
    yield f"| | {' | '.join(names)} |"
    yield f"|---|{'---:|' * len(models)}"
    for label, cell in _METRICS:
        texts = [cell(model) for model in models]
        if any(texts):
            yield f"| {label} | {' | '.join(text or '-' for text in texts)} |"


def _accuracy(model: ModelSummary) -> str:
    interval = model.tally.interval
    if model.tally.accuracy is None or interval is None:
        return "nothing judged"
    return f"**{wording.share(model.tally.accuracy)}** {wording.interval(interval.low, interval.high)}"


def _per_month(model: ModelSummary) -> str:
    if model.monthly_cost_usd is None or model.monthly_requests is None:
        return ""
    return f"{wording.money(model.monthly_cost_usd)} at {model.monthly_requests:,} requests"


def _latency(model: ModelSummary) -> str:
    if model.latency_p50_ms is None or model.latency_p95_ms is None:
        return ""
    return f"{wording.duration(model.latency_p50_ms)} / {wording.duration(model.latency_p95_ms)}"


_METRICS: tuple[tuple[str, Callable[[ModelSummary], str]], ...] = (
    ("accuracy, 95 % interval", _accuracy),
    (
        "accuracy by traffic",
        lambda model: wording.share(model.weighted_accuracy) if model.weighted_accuracy is not None else "",
    ),
    ("passed / missed", lambda model: f"{model.tally.passed} / {model.tally.missed}"),
    ("errored / skipped", lambda model: f"{model.tally.errored} / {model.tally.skipped}"),
    ("planned", lambda model: str(model.tally.planned)),
    ("tokens in / out", lambda model: f"{model.usage.input_tokens:,} / {model.usage.output_tokens:,}"),
    ("cost", lambda model: wording.money(model.cost_usd) if model.completed else ""),
    (
        "cost per 1,000 calls",
        lambda model: wording.money(model.cost_per_1000_usd) if model.cost_per_1000_usd else "",
    ),
    (
        "cost per passed case",
        lambda model: wording.money(model.cost_per_passed_usd) if model.cost_per_passed_usd else "",
    ),
    ("cost per month", _per_month),
    (
        "judging, beside",
        lambda model: wording.money(model.judge_cost_usd) if model.judge_cost_usd is not None else "",
    ),
    ("latency p50 / p95", _latency),
)


def group_tables(models: Sequence[ModelSummary]) -> Iterator[list[str]]:
    """Yield the categories and the difficulties, folded; nothing where there is one, which says what the whole says."""
    for title, groups in (
        ("category", [model.by_category for model in models]),
        ("difficulty", [model.by_difficulty for model in models]),
    ):
        names = sorted({name for tallies in groups for name in tallies})
        if len(names) > 1:
            yield [
                f"<details><summary>by {title}</summary>",
                "",
                f"| {title} | {' | '.join(plain(model.name) for model in models)} |",
                f"|---|{'---:|' * len(models)}",
                *(
                    f"| {plain(name)} | {' | '.join(_group(of.get(name)) for of in groups)} |"
                    for name in names
                ),
                "",
                "</details>",
                "",
            ]


def _group(tally: Tally | None) -> str:
    if tally is None or tally.accuracy is None:
        return "-"
    return f"{tally.passed}/{tally.judged} {wording.share(tally.accuracy)}"

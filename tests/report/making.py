"""Runs of any size for tests and benchmarks of the reports."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_llmupgrade.model import Judgement, Record, Usage
from pytest_llmupgrade.run.record import row_of
from pytest_llmupgrade.run.report.html_report import html_lines
from pytest_llmupgrade.run.summarise import summarise
from pytest_llmupgrade.run.summary import Planned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_llmupgrade.run.summary import Summary

MODELS = ("gpt-3.5-turbo", "gpt-4o")


def record(case: str, model: str, *, passed: bool, answer: str, category: str = "general") -> Record:
    """Return a record of a judged case."""
    judgement = Judgement(
        judge="contains", passed=passed, reason="" if passed else "'30 days' is not in the answer"
    )
    return Record(
        case_id=f"evals/eval_faq.yaml::{case}",
        nodeid=f"evals/eval_faq.yaml::{case}[{model}]",
        file="evals/eval_faq.yaml",
        line=3,
        model=model,
        outcome="passed" if passed else "missed",
        category=category,
        answer=answer,
        usage=Usage(input_tokens=100, output_tokens=20),
        cost_usd=Decimal("0.0001" if model == MODELS[0] else "0.0004"),
        latency_ms=120.0,
        origin="live",
        judgements=(judgement,),
    )


def many(cases: int) -> list[Record]:
    """Return a run of so many cases on two models; each tenth breaks, each fifteenth is fixed."""
    return [
        record(
            f"case-{number}",
            model,
            passed=(number % 15 != 0) if model == MODELS[0] else (number % 10 != 0),
            answer=f"You can return item {number} within {'30 days' if number % 3 else 'a month'} of purchase. "
            * 3,
            category=("faq", "billing", "returns")[number % 3],
        )
        for number in range(cases)
        for model in MODELS
    ]


def summary_of(records: Sequence[Record]) -> Summary:
    """Return the summary of a run."""
    by_place = {(one.case_id, one.model): one for one in records}
    return summarise(
        [row_of(one, 0) for one in records],
        Planned(by_model=dict.fromkeys(MODELS, len(records) // 2)),
        models=MODELS,
        read=lambda case, model: by_place[case, model],
        created="2026-11-23T10:00:00+00:00",
        exit_reason="finished",
    )


def page(path: Path, records: Sequence[Record]) -> Path:
    """Write a run's page."""
    versions = {"plugin_version": "0.1.0", "prices_version": "genai-prices 1"}
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(html_lines(summary_of(records), records, versions=versions))
    return path

"""The Summary and every record as JSON: schema `llmupgrade-report/1`.

Money is a decimal string, times are milliseconds, shares are 0 to 1.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.codec import record_to_plain
from pytest_llmupgrade.run.report.json_prompts import prompt_of
from pytest_llmupgrade.run.report.json_verdict import verdict_of
from pytest_llmupgrade.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.causes import CauseGroup
    from pytest_llmupgrade.run.cost_impact import CostImpact
    from pytest_llmupgrade.run.summary import Comparison, ModelSummary, Summary, Tally
    from pytest_llmupgrade.stats import Interval
    from pytest_llmupgrade.verdict import CategoryFinding

SCHEMA = "llmupgrade-report/1"


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the report."""
    text = (
        resources.files("pytest_llmupgrade")
        .joinpath("data", "report.schema.json")
        .read_text(encoding="utf-8")
    )
    schema: dict[str, Any] = json.loads(text)
    return schema


def json_lines(
    summary: Summary, records: Iterable[Record], *, versions: Mapping[str, str | None]
) -> Iterator[str]:
    """Yield the report's text, one line per case, so that any number of cases passes through."""
    head = json.dumps(head_of(summary, versions), indent=1, ensure_ascii=False)
    yield head.removesuffix("\n}") + ',\n "cases": ['
    separator = ""
    for record in records:
        yield f"{separator}  {json.dumps(case_of(record), ensure_ascii=False)}"
        separator = ",\n"
    yield "\n ]\n}\n"


def head_of(summary: Summary, versions: Mapping[str, str | None]) -> dict[str, Any]:
    """Return everything but the cases."""
    return {
        "schema": SCHEMA,
        "created": summary.created,
        **versions,
        "suite_hash": summary.suite_hash,
        "incumbent": summary.incumbent,
        "judge_models": list(summary.judge_models),
        "exit_reason": summary.exit_reason,
        "rerun": summary.rerun,
        "verdict": summary.verdict,
        "breaches": list(summary.breaches),
        "models": [_model(model) for model in summary.models],
        "comparisons": [_comparison(comparison) for comparison in summary.comparisons],
        "prompts": [prompt_of(effects) for effects in summary.prompts],
        "calls": _calls(summary),
    }


def _calls(summary: Summary) -> dict[str, Any]:
    calls = summary.calls
    return {
        "live": calls.live,
        "stored": calls.stored,
        "replayed": sum(model.origins.get("replayed", 0) for model in summary.models),
        "retried": calls.retried,
        "spent_usd": str(calls.spent_usd),
        "budget_usd": None if calls.budget_usd is None else str(calls.budget_usd),
        "notices": list(calls.notices),
    }


def _model(model: ModelSummary) -> dict[str, Any]:
    tally, usage, interval = model.tally, model.usage, model.tally.interval
    return {
        "name": model.name,
        "model": model.model or model.name,
        "prompt_version": model.version,
        "planned": tally.planned,
        "completed": model.completed,
        "judged": tally.judged,
        "passed": tally.passed,
        "missed": tally.missed,
        "errored": tally.errored,
        "skipped": tally.skipped,
        "not_run": tally.not_run,
        "accuracy": tally.accuracy,
        "accuracy_interval": [interval.low, interval.high] if interval else None,
        "weighted_accuracy": model.weighted_accuracy,
        "tokens": {
            "input": usage.input_tokens,
            "cached_input": usage.cached_input_tokens,
            "output": usage.output_tokens,
            "reasoning": usage.reasoning_tokens,
        },
        "cost_usd": _money(model.cost_usd),
        "unpriced": model.unpriced,
        "judge_cost_usd": _money(model.judge_cost_usd),
        "llm_judge": {"passed": model.judge_passed, "judged": model.judge_asked},
        "cost_per_1000_usd": _money(model.cost_per_1000_usd),
        "cost_per_passed_usd": _money(model.cost_per_passed_usd),
        "monthly_requests": model.monthly_requests,
        "monthly_cost_usd": _money(model.monthly_cost_usd),
        "latency_ms": {"p50": model.latency_p50_ms, "p95": model.latency_p95_ms},
        "by_category": {name: _group(group) for name, group in model.by_category.items()},
        "by_difficulty": {name: _group(group) for name, group in model.by_difficulty.items()},
        "adapted": list(model.adapted),
        "causes": _causes(model.causes),
        "flaky": [{"id": one.case_id, "passes": one.passes, "times": one.times} for one in model.flaky],
    }


def _group(tally: Tally) -> dict[str, int]:
    return {"passed": tally.passed, "judged": tally.judged}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "incumbent": comparison.incumbent,
        "candidate": comparison.candidate,
        "paired": comparison.paired,
        "broke": [flip.case_id for flip in comparison.broke],
        "fixed": [flip.case_id for flip in comparison.fixed],
        "both_passed": comparison.both_passed,
        "both_missed": comparison.both_missed,
        "unpaired": comparison.unpaired,
        **_decision(comparison),
        "causes": _causes(comparison.causes),
        "cost_ratio": _ratio(comparison.cost_ratio),
        "token_ratio": _tokens(comparison.impact),
        "latency_ratio": _ratio(comparison.latency_ratio),
    }


def _decision(comparison: Comparison) -> dict[str, Any]:
    decision = comparison.decision
    return {
        **verdict_of(decision),
        "same_model": comparison.same_model,
        "measurably_worse": decision.measurably_worse,
        "fewest_cases": decision.fewest_cases,
        "too_many_unpaired": decision.too_many_unpaired,
        "look": decision.look,
        "looks": decision.looks,
        "weighted": decision.equal_weights is not None,
        "repeated": decision.repeated,
        "flip_rate": comparison.flip_rate,
        "visible_drop": comparison.visible_drop,
        "categories": [_category(found) for found in decision.categories],
    }


def _category(found: CategoryFinding) -> dict[str, Any]:
    return {
        "name": found.name,
        "paired": found.paired,
        "unpaired": found.unpaired,
        "difference": found.interval.estimate if found.interval else None,
        "interval": [found.interval.low, found.interval.high] if found.interval else None,
        "margin": found.margin,
        "p": found.p,
        "finding": found.finding,
    }


def _causes(groups: Iterable[CauseGroup]) -> list[dict[str, Any]]:
    return [
        {
            "cause": group.cause.name,
            "words": group.cause.words,
            "count": group.count,
            "repair": group.cause.repair,
            "examples": [example.record.case_id for example in group.examples],
        }
        for group in groups
    ]


def _tokens(impact: CostImpact) -> dict[str, Any]:
    """Return ratios of tokens and of their price; at `break_even` times the tokens both cost the same."""
    return {
        "input": _ratio(impact.input_tokens),
        "output": _ratio(impact.output_tokens),
        "all": impact.tokens,
        "price": impact.price,
        "break_even": impact.break_even,
    }


def _ratio(interval: Interval | None) -> list[float] | None:
    return [interval.estimate, interval.low, interval.high] if interval else None


def case_of(record: Record) -> dict[str, Any]:
    """Return a record as the report has it: what a program was promised is there, as null where nothing is known."""
    plain = {
        "category": record.category,
        "difficulty": record.difficulty,
        **dict.fromkeys(("answer", "usage", "cost_usd", "latency_ms", "error")),
        "tool_calls": [],
        **record_to_plain(record),
    }
    plain["id"] = plain.pop("case_id")
    plain["column"] = Variant(model=record.model, version=plain.pop("asked_version", None)).name
    plain["judges"] = [
        {"name": judgement.judge, "passed": judgement.passed, "reason": judgement.reason}
        for judgement in record.judgements
    ]
    plain.pop("judgements", None)
    return plain


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)

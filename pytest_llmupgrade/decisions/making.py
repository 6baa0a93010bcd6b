"""From a run's Summary to its decision file."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_llmupgrade import __version__
from pytest_llmupgrade.decisions.suites import suites_of
from pytest_llmupgrade.decisions.wire import SCHEMA, Candidate, DecisionFile, Incumbent, Told, ToldBoth
from pytest_llmupgrade.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_llmupgrade.run.record import Row
    from pytest_llmupgrade.run.summary import Comparison, ModelSummary, Summary

_SMALLEST = Decimal("0.000001")
_NOTHING = "no candidate was compared with an incumbent, so there is no decision; run --llm-models=OLD,NEW"


def make_decision(
    summary: Summary,
    rows: Iterable[Row],
    *,
    created: str,
    runs: Sequence[str],
    wire_name: Callable[[str], str],
) -> DecisionFile:
    """Return what a run decided; `wire_name` says how requests name a model of the settings.

    UsageError where nothing was compared, or the run did not finish. A model beside itself (`m,m#2`) is no candidate.
    """
    if summary.exit_reason != "finished":
        raise UsageError(f"the run did not finish ({summary.exit_reason}), so it decided nothing")
    compared = [each for each in summary.comparisons if not each.same_model]
    if not compared:
        raise UsageError(_NOTHING)
    cases, told = _seen(rows)
    columns = {model.name: model for model in summary.models}
    incumbent = compared[0].incumbent
    return DecisionFile(
        schema=SCHEMA,
        created=created,
        plugin_version=__version__,
        runs=tuple(runs),
        suite_hash=summary.suite_hash,
        suites=suites_of(cases),
        judge_models=summary.judge_models,
        incumbent=Incumbent(
            name=incumbent,
            model=wire_name(columns[incumbent].model),
            cost_per_1000_usd=_cost(columns[incumbent]),
        ),
        candidates=tuple(
            _candidate(each, columns[each.candidate], told, wire_name(columns[each.candidate].model))
            for each in compared
        ),
    )


def _seen(rows: Iterable[Row]) -> tuple[dict[str, str], dict[str, dict[str, Told]]]:
    """Return what each case asked and wanted, and what each column was told under each prompt's name."""
    cases: dict[str, str] = {}
    told: dict[str, dict[str, Told]] = {}
    for row in rows:
        if row.case_sha256:
            cases[row.case_id] = row.case_sha256
        use = row.prompt
        if use is not None:
            told.setdefault(row.model, {})[use.name] = Told(version=use.version, sha256=use.sha256)
    return cases, told


def _candidate(
    comparison: Comparison, column: ModelSummary, told: Mapping[str, Mapping[str, Told]], model: str
) -> Candidate:
    decision, interval = comparison.decision, comparison.decision.interval
    return Candidate(
        name=comparison.candidate,
        model=model,
        verdict=decision.verdict,
        difference=interval.estimate if interval else None,
        interval=(interval.low, interval.high) if interval else None,
        confidence=decision.confidence,
        margin=decision.margin,
        paired=decision.paired,
        unpaired=decision.unpaired,
        broke=len(comparison.broke),
        fixed=len(comparison.fixed),
        cost_per_1000_usd=_cost(column),
        prompts=_both(told.get(comparison.incumbent, {}), told.get(comparison.candidate, {})),
    )


def _both(incumbent: Mapping[str, Told], candidate: Mapping[str, Told]) -> dict[str, ToldBoth]:
    names = sorted({*incumbent, *candidate})
    return {name: ToldBoth(incumbent=incumbent.get(name), candidate=candidate.get(name)) for name in names}


def _cost(column: ModelSummary) -> Decimal | None:
    """Return the cost of a thousand requests to a millionth of a dollar, so that a diff shows no noise."""
    cost = column.cost_per_1000_usd
    return None if cost is None else cost.quantize(_SMALLEST)

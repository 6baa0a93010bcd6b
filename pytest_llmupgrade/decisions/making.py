"""From a run's Summary to its decision file."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_llmupgrade import __version__
from pytest_llmupgrade.decisions.suites import suites_of
from pytest_llmupgrade.decisions.wire import SCHEMA, Asked, Candidate, DecisionFile, Incumbent, Told, ToldBoth
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.verdict.breaches import breaches
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_llmupgrade.run.record import Row
    from pytest_llmupgrade.run.summary import Comparison, ModelSummary, Summary
    from pytest_llmupgrade.verdict.table import GateTable

_SMALLEST = Decimal("0.000001")
_NOTHING = "no candidate was compared with an incumbent, so there is no decision; run --llm-models=OLD,NEW"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the rows of one column say of how its model was asked."""

    told: dict[str, Told] = field(default_factory=dict)
    """By the prompt's name."""
    asked: dict[str, str] = field(default_factory=dict)
    """By case."""
    must_pass: list[str] = field(default_factory=list)
    """The cases of that kind that did not pass."""


def make_decision(  # noqa: PLR0913  all of it stands in the file
    summary: Summary,
    rows: Iterable[Row],
    *,
    created: str,
    runs: Sequence[str],
    gate: GateTable,
    wire_name: Callable[[str], str],
) -> DecisionFile:
    """Return what a run decided; `gate` has the thresholds, `wire_name` says how requests name a model of the settings.

    UsageError where nothing was compared, or the run did not finish. A model beside itself (`m,m#2`) is no candidate.
    """
    if summary.exit_reason != "finished":
        raise UsageError(f"the run did not finish ({summary.exit_reason}), so it decided nothing")
    compared = [each for each in summary.comparisons if not each.same_model]
    if not compared:
        raise UsageError(_NOTHING)
    cases, seen = _seen(rows)
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
            asked=_asked(columns[incumbent], seen),
            cost_per_1000_usd=_cost(columns[incumbent]),
        ),
        candidates=tuple(
            _candidate(each, columns, seen, gate, wire_name(columns[each.candidate].model))
            for each in compared
        ),
    )


def _seen(rows: Iterable[Row]) -> tuple[dict[str, str], dict[str, _Seen]]:
    """Return what each case asked and wanted, and by column how its model was asked."""
    cases: dict[str, str] = {}
    seen: dict[str, _Seen] = {}
    for row in rows:
        column = seen.setdefault(row.model, _Seen())
        if row.case_sha256:
            cases[row.case_id] = row.case_sha256
        if row.asked_sha256:
            column.asked[row.case_id] = row.asked_sha256
        if row.must_pass and row.outcome in ("missed", "errored"):
            column.must_pass.append(row.case_id)
        use = row.prompt
        if use is not None:
            column.told[use.name] = Told(version=use.version, sha256=use.sha256)
    return cases, seen


def _asked(column: ModelSummary, seen: Mapping[str, _Seen]) -> Asked:
    return Asked(
        model=column.model,
        version=column.version,
        suites=suites_of(seen.get(column.name, _Seen()).asked),
    )


def _candidate(
    comparison: Comparison,
    columns: Mapping[str, ModelSummary],
    seen: Mapping[str, _Seen],
    gate: GateTable,
    model: str,
) -> Candidate:
    decision, interval = comparison.decision, comparison.decision.interval
    old, new = columns[comparison.incumbent], columns[comparison.candidate]
    before, after = (seen.get(each.name, _Seen()) for each in (old, new))
    return Candidate(
        name=comparison.candidate,
        model=model,
        asked=_asked(new, seen),
        verdict=decision.verdict,
        difference=interval.estimate if interval else None,
        interval=(interval.low, interval.high) if interval else None,
        confidence=decision.confidence,
        margin=decision.margin,
        paired=decision.paired,
        unpaired=decision.unpaired,
        broke=len(comparison.broke),
        fixed=len(comparison.fixed),
        weighted=decision.equal_weights is not None or decision.repeated,
        breaches=(
            *_must_pass(new.name, after.must_pass),
            *breaches(gate, "regression", (old, new), (comparison,)),
        ),
        cost_per_1000_usd=_cost(new),
        prompts=_both(before.told, after.told),
    )


def _must_pass(name: str, cases: Sequence[str]) -> Iterator[str]:
    if cases:
        yield f"{name}: {plural(len(cases), 'must_pass case')} did not pass, such as {min(cases)}"


def _both(incumbent: Mapping[str, Told], candidate: Mapping[str, Told]) -> dict[str, ToldBoth]:
    names = sorted({*incumbent, *candidate})
    return {name: ToldBoth(incumbent=incumbent.get(name), candidate=candidate.get(name)) for name in names}


def _cost(column: ModelSummary) -> Decimal | None:
    """Return the cost of a thousand requests to a millionth of a dollar, so that a diff shows no noise."""
    cost = column.cost_per_1000_usd
    return None if cost is None else cost.quantize(_SMALLEST)

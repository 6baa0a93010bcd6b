"""Summarise: from rows to the one frozen Summary that every report renders."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pytest_llmupgrade.fingerprints import fingerprint
from pytest_llmupgrade.model import JUDGED, Usage
from pytest_llmupgrade.run.causes import grouped
from pytest_llmupgrade.run.cost_impact import cost_impact, mean_cost
from pytest_llmupgrade.run.pairing import changes, lost
from pytest_llmupgrade.run.prompt_effects import prompt_effects
from pytest_llmupgrade.run.summary import (
    CallCounts,
    Comparison,
    Flaky,
    Flip,
    ModelSummary,
    Planned,
    Summary,
    Tally,
)
from pytest_llmupgrade.stats import (
    Interval,
    quantile,
    smallest_visible_drop,
    typical_ratio,
)
from pytest_llmupgrade.verdict import Evidence, Rule, decide

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Outcome, PromptUse, Record
    from pytest_llmupgrade.variants import Variant

OUTCOMES: tuple[Outcome, ...] = ("passed", "missed", "errored", "skipped")


class RowLike(Protocol):
    """What a summary needs of a row; the journal's rows have it."""

    @property
    def case_id(self) -> str: ...  # noqa: D102  said by model.Record
    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> Outcome: ...  # noqa: D102
    @property
    def category(self) -> str: ...  # noqa: D102
    @property
    def difficulty(self) -> str: ...  # noqa: D102
    @property
    def usage(self) -> Usage | None: ...  # noqa: D102
    @property
    def cost_usd(self) -> Decimal | None: ...  # noqa: D102
    @property
    def judge_cost_usd(self) -> Decimal | None: ...  # noqa: D102
    @property
    def latency_ms(self) -> float | None: ...  # noqa: D102
    @property
    def origin(self) -> str | None: ...  # noqa: D102
    @property
    def adapted(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102
    @property
    def must_pass(self) -> bool: ...  # noqa: D102
    @property
    def case_sha256(self) -> str: ...  # noqa: D102
    @property
    def judged_by(self) -> str | None: ...  # noqa: D102
    @property
    def judge_passed(self) -> bool | None: ...  # noqa: D102
    @property
    def judge_adapted(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def times(self) -> int: ...  # noqa: D102
    @property
    def passes(self) -> int: ...  # noqa: D102
    @property
    def variant(self) -> Variant: ...  # noqa: D102
    @property
    def prompt(self) -> PromptUse | None: ...  # noqa: D102
    @property
    def others(self) -> tuple[int, ...]: ...  # noqa: D102


ReadRecord: TypeAlias = Callable[[str, str], "Record"]
"""(case id, model) -> the whole record, answer included."""


def summarise(  # noqa: PLR0913  all of it is what a run is
    rows: Sequence[RowLike],
    planned: Planned,
    *,
    models: Sequence[str],
    read: ReadRecord,
    created: str,
    exit_reason: str = "finished",
    calls: CallCounts | None = None,
    rule: Rule | None = None,
) -> Summary:
    """Return the summary of rows; `models` gives the order, its first is the incumbent."""
    by_model = planned.by_model
    named = {name: [row for row in rows if row.model == name] for name in models}
    used = _without_twins([name for name in models if named[name] or by_model.get(name)], named)
    incumbent = used[0] if used else None
    rule = _shared_out(rule or Rule(), [named[name] for name in used[1:]])
    return Summary(
        created=created,
        incumbent=incumbent,
        models=tuple(_model_summary(name, named[name], by_model.get(name, 0), read) for name in used),
        comparisons=tuple(
            compare(
                named[used[0]],
                named[name],
                incumbent=used[0],
                candidate=name,
                read=read,
                planned=max(by_model.get(used[0], 0), by_model.get(name, 0)),
                rule=rule,
            )
            for name in used[1:]
        ),
        prompts=prompt_effects((row for name in used for row in named[name]), incumbent, rule),
        judge_models=tuple(dict.fromkeys(row.judged_by for row in rows if row.judged_by)),
        judge_adapted=tuple(dict.fromkeys(words for row in rows for words in row.judge_adapted)),
        errors=_errors(rows, read),
        rerun=sum(bool(row.others) for row in rows),
        exit_reason=exit_reason,
        calls=calls or CallCounts(),
        suite_hash=_suite_hash(rows),
    )


def _without_twins(used: Sequence[str], named: Mapping[str, Sequence[RowLike]]) -> list[str]:
    """Leave out the columns in which the incumbent was told what it is told now: they say everything twice."""
    first = named[used[0]] if used else ()
    if not first or first[0].variant.name != used[0]:  # nobody ran, or a kept run stands for the incumbent
        return list(used)
    axis = [name for name in used[1:] if any(row.variant.version is not None for row in named[name])]
    now = _told(first) if axis else {}
    twins = [name for name in axis if _told(named[name]).items() <= now.items()]
    return [name for name in used if name not in twins]


def _told(rows: Iterable[RowLike]) -> Mapping[str, tuple[str, PromptUse | None]]:
    """Return what each case's model was told, by case: an A/A check has another model's name."""
    return {row.case_id: (row.variant.model, row.prompt) for row in rows}


def _shared_out(rule: Rule, candidates: Sequence[Sequence[RowLike]]) -> Rule:
    """Let all columns share the error of one verdict where several prompts are tried, one of which will be chosen."""
    axis = any(row.variant.version is not None for rows in candidates for row in rows)
    return replace(rule, together=len(candidates)) if axis else rule


def _suite_hash(rows: Iterable[RowLike]) -> str | None:
    cases = {row.case_id: row.case_sha256 for row in rows if row.case_sha256}
    return fingerprint(cases) if cases else None


def compare(  # noqa: PLR0913  all of it is what a comparison is
    incumbent_rows: Iterable[RowLike],
    candidate_rows: Iterable[RowLike],
    *,
    incumbent: str,
    candidate: str,
    read: ReadRecord,
    planned: int = 0,
    rule: Rule | None = None,
) -> Comparison:
    """Pair two models' rows by case; what was planned and never ran counts among the unpaired."""
    old_rows = {row.case_id: row for row in incumbent_rows}
    new_rows = {row.case_id: row for row in candidate_rows}
    both = [(row, new_rows[case]) for case, row in old_rows.items() if case in new_rows]
    cells = Counter((old.outcome, new.outcome) for old, new in both)
    flips = {
        pair: tuple(
            Flip(
                case_id=old.case_id,
                incumbent=read(old.case_id, incumbent),
                candidate=read(old.case_id, candidate),
            )
            for old, new in both
            if (old.outcome, new.outcome) == pair
        )
        for pair in (("passed", "missed"), ("missed", "passed"))
    }
    judged = sum(count for pair, count in cells.items() if set(pair) <= JUDGED)
    unpaired = max(len(old_rows.keys() | new_rows.keys()), planned) - judged
    evidence = Evidence(
        changes=tuple(changes(old_rows, new_rows)), unpaired=unpaired, lost=tuple(lost(old_rows, new_rows))
    )
    return Comparison(
        incumbent=incumbent,
        candidate=candidate,
        broke=flips["passed", "missed"],
        fixed=flips["missed", "passed"],
        both_passed=cells["passed", "passed"],
        both_missed=cells["missed", "missed"],
        unpaired=unpaired,
        must_pass_missed=sum(row.must_pass and row.outcome == "missed" for row in new_rows.values()),
        impact=cost_impact(both),
        latency_ratio=_latency_ratio(both),
        decision=decide(evidence, rule or Rule()),
        visible_drop=_visible_drop(evidence) if judged else None,
    )


def _visible_drop(evidence: Evidence) -> float | None:
    pairs = evidence.pairs
    return smallest_visible_drop(math.floor(pairs.n), min(1.0, pairs.discordance))


def _latency_ratio(both: Iterable[tuple[RowLike, RowLike]]) -> Interval | None:
    pairs = [(new.latency_ms, old.latency_ms) for old, new in both if old.latency_ms and new.latency_ms]
    return typical_ratio(*zip(*pairs, strict=True)) if pairs else None


# --- one model -------------------------------------------------------------------------------------


def _model_summary(name: str, rows: Sequence[RowLike], planned: int, read: ReadRecord) -> ModelSummary:
    done = [row for row in rows if row.origin is not None]
    latencies = [row.latency_ms for row in done if row.latency_ms is not None]
    unpriced = sum(row.cost_usd is None for row in done)
    adapted = dict.fromkeys(words for row in rows for words in row.adapted)
    return ModelSummary(
        name=name,
        model=rows[0].variant.model if rows else name,
        version=rows[0].variant.version if rows else None,
        tally=_tally(rows, max(planned, len(rows))),
        completed=sum(row.times for row in done),
        usage=_sum_usage(row.usage for row in done),
        cost_usd=_sum_money(row.cost_usd for row in done) if done and not unpriced else None,
        unpriced=unpriced,
        weighted_accuracy=_weighted_accuracy(rows),
        mean_cost_usd=mean_cost(done),
        judge_cost_usd=_sum_money(row.judge_cost_usd for row in rows),
        latency_p50_ms=quantile(latencies, 0.5) if latencies else None,
        latency_p95_ms=quantile(latencies, 0.95) if latencies else None,
        by_category=_tallies(rows, lambda row: row.category),
        by_difficulty=_tallies(rows, lambda row: row.difficulty),
        adapted=tuple(adapted),
        flaky=tuple(sorted(_flaky(rows), key=lambda one: (abs(one.passes / one.times - 0.5), one.case_id))),
        origins=Counter(row.origin for row in done if row.origin),
        causes=grouped((read(row.case_id, name), None) for row in rows if row.outcome == "missed"),
        judge_passed=sum(row.judge_passed is True for row in rows),
        judge_asked=sum(row.judge_passed is not None for row in rows),
    )


def _weighted_accuracy(rows: Sequence[RowLike]) -> float | None:
    if len({row.weight for row in rows}) < 2:  # noqa: PLR2004  several
        return None
    total = math.fsum(row.weight for row in rows if row.outcome in JUDGED)
    return math.fsum(row.weight for row in rows if row.outcome == "passed") / total if total else None


def _flaky(rows: Iterable[RowLike]) -> Iterator[Flaky]:
    for row in rows:
        if 0 < row.passes < row.times:
            yield Flaky(case_id=row.case_id, passes=row.passes, times=row.times)


def _tally(rows: Iterable[RowLike], planned: int | None = None) -> Tally:
    counts = Counter(row.outcome for row in rows)
    return Tally(
        planned=counts.total() if planned is None else planned,
        **{outcome: counts[outcome] for outcome in OUTCOMES},
    )


def _tallies(rows: Sequence[RowLike], group: Callable[[RowLike], str]) -> Mapping[str, Tally]:
    groups: dict[str, list[RowLike]] = {}
    for row in rows:
        groups.setdefault(group(row), []).append(row)
    return {name: _tally(groups[name]) for name in sorted(groups)}


def _sum_usage(usages: Iterable[Usage | None]) -> Usage:
    total = Usage(input_tokens=0, output_tokens=0)
    for usage in usages:
        if usage is not None:
            total = replace(
                total,
                input_tokens=total.input_tokens + usage.input_tokens,
                output_tokens=total.output_tokens + usage.output_tokens,
                cached_input_tokens=total.cached_input_tokens + usage.cached_input_tokens,
                reasoning_tokens=total.reasoning_tokens + usage.reasoning_tokens,
            )
    return total


def _sum_money(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _errors(rows: Iterable[RowLike], read: ReadRecord) -> Mapping[str, int]:
    errored = (read(row.case_id, row.model) for row in rows if row.outcome == "errored")
    counts = Counter(record.error.message for record in errored if record.error)
    return dict(counts.most_common())

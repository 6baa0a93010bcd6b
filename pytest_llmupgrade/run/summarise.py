"""Summarise: from rows to the one frozen Summary that every report renders."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pytest_llmupgrade.fingerprints import fingerprint
from pytest_llmupgrade.model import Usage
from pytest_llmupgrade.run.causes import CauseGroup, grouped
from pytest_llmupgrade.stats import (
    Interval,
    Pairs,
    quantile,
    ratio_of_means,
    smallest_visible_drop,
    tango,
    typical_ratio,
    wilson,
)
from pytest_llmupgrade.verdict import WORST_FIRST, Change, Decision, Evidence, Rule, decide

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Outcome, Record
    from pytest_llmupgrade.verdict import VerdictWord

OUTCOMES: tuple[Outcome, ...] = ("passed", "missed", "errored", "skipped")
_JUDGED = frozenset(("passed", "missed"))


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
    def case_sha256(self) -> str: ...  # noqa: D102
    @property
    def judged_by(self) -> str | None: ...  # noqa: D102
    @property
    def times(self) -> int: ...  # noqa: D102
    @property
    def passes(self) -> int: ...  # noqa: D102


ReadRecord: TypeAlias = Callable[[str, str], "Record"]
"""(case id, model) -> the whole record, answer included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many items ended how."""

    planned: int = 0
    """Selected items; the denominator that a crashed worker cannot shrink."""
    passed: int = 0
    missed: int = 0
    errored: int = 0
    skipped: int = 0

    @property
    def judged(self) -> int:
        """Items with a verdict: what accuracy divides by."""
        return self.passed + self.missed

    @property
    def not_run(self) -> int:
        """Planned items that never ran, because the run was stopped."""
        return max(0, self.planned - self.judged - self.errored - self.skipped)

    @property
    def accuracy(self) -> float | None:
        """Share of the judged items that passed, 0 to 1; None where none was judged."""
        return self.passed / self.judged if self.judged else None

    @property
    def interval(self) -> Interval | None:
        """Wilson 95 % interval of the accuracy; None where none was judged."""
        return wilson(self.passed, self.judged) if self.judged else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaky:
    """A case that one model passes neither always nor never."""

    case_id: str
    passes: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One model's column."""

    name: str
    tally: Tally
    completed: int
    """Answers of the items that have one, judged or not; repeats count each."""
    usage: Usage
    """Sums over the completed items."""
    cost_usd: Decimal | None
    """None: at least one answer is unpriced (or there is none at all)."""
    unpriced: int
    """Answers whose cost is unknown."""
    judge_cost_usd: Decimal | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    by_category: Mapping[str, Tally]
    by_difficulty: Mapping[str, Tally]
    adapted: tuple[str, ...]
    flaky: tuple[Flaky, ...]
    """Cases that passed sometimes, the least stable first."""
    origins: Mapping[str, int]
    """Answers by where they came from: live, stored, replayed."""
    causes: tuple[CauseGroup, ...] = ()
    """Why its items missed, the most frequent first."""

    @property
    def cost_per_passed_usd(self) -> Decimal | None:
        """What one right answer costs: all calls' cost over the passed items."""
        if self.cost_usd is None or not self.tally.passed:
            return None
        return self.cost_usd / self.tally.passed

    @property
    def cost_per_1000_usd(self) -> Decimal | None:
        """What a thousand requests like these cost."""
        return self.cost_usd * 1000 / self.completed if self.cost_usd is not None and self.completed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A case on which two models disagree, with both records."""

    case_id: str
    incumbent: Record
    candidate: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against incumbent, paired by case."""

    incumbent: str
    candidate: str
    broke: tuple[Flip, ...]
    """The incumbent passed, the candidate missed."""
    fixed: tuple[Flip, ...]
    """The reverse."""
    both_passed: int
    both_missed: int
    unpaired: int
    """Cases that are not judged on both: errored, skipped or not run on either."""
    cost_ratio: Interval | None = None
    """Candidate's mean cost over the incumbent's, 95 %, on the cases that both answered; None: unpriced or few."""
    latency_ratio: Interval | None = None
    """The typical ratio of latencies, 95 %, on the cases that both answered."""
    decision: Decision
    """The verdict on the candidate."""
    visible_drop: float | None = None
    """In a check of a model against itself: the smallest drop, a share, that so many cases would show."""

    @property
    def difference(self) -> Interval | None:
        """Candidate's accuracy minus the incumbent's on the paired cases, Tango's 90 % interval, -1 to 1."""
        if not self.paired:
            return None
        return tango(Pairs(broke=len(self.broke), fixed=len(self.fixed), n=self.paired))

    @property
    def causes(self) -> tuple[CauseGroup, ...]:
        """Why cases broke, the most frequent first."""
        return grouped((flip.candidate, flip.incumbent) for flip in self.broke)

    @property
    def same_model(self) -> bool:
        """Whether this is an A/A check: the same model twice, as `m` and `m#2`."""
        return self.incumbent.partition("#")[0] == self.candidate.partition("#")[0]

    @property
    def flip_rate(self) -> float | None:
        """Share of the paired cases on which the two disagree, 0 to 1."""
        return (len(self.broke) + len(self.fixed)) / self.paired if self.paired else None

    @property
    def paired(self) -> int:
        """Cases judged on both models."""
        return len(self.broke) + len(self.fixed) + self.both_passed + self.both_missed


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCounts:
    """What the run's calls came to, judging included."""

    live: int = 0
    """Answers that a provider gave in this run."""
    stored: int = 0
    """Answers that the store had from before."""
    retried: int = 0
    """Tries beyond each call's first."""
    spent_usd: Decimal = Decimal(0)
    """Paid in this run, without the unpriced."""
    budget_usd: Decimal | None = None
    notices: tuple[str, ...] = ()
    """What a user should hear once: a server that asked to wait, a full disk."""

    def __add__(self, other: CallCounts) -> CallCounts:
        """Return the calls of two processes together, under the budget of the first."""
        return CallCounts(
            live=self.live + other.live,
            stored=self.stored + other.stored,
            retried=self.retried + other.retried,
            spent_usd=self.spent_usd + other.spent_usd,
            budget_usd=self.budget_usd,
            notices=tuple(dict.fromkeys((*self.notices, *other.notices))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All that a run has to say."""

    created: str
    """ISO 8601, UTC."""
    incumbent: str | None
    models: tuple[ModelSummary, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    judge_models: tuple[str, ...] = ()
    errors: Mapping[str, int] = field(default_factory=dict)
    """Error messages with how many items ended so, most frequent first."""
    exit_reason: str = "finished"
    calls: CallCounts = field(default_factory=CallCounts)
    suite_hash: str | None = None
    """SHA-256 over the cases that were recorded, what they ask and want; None where there is none."""
    breaches: tuple[str, ...] = ()
    """What fails the run beside its items, one sentence each: a verdict, a threshold."""

    @property
    def verdict(self) -> VerdictWord | None:
        """The worst verdict on any candidate; None where there is none."""
        found = {one.decision.verdict for one in self.comparisons if not one.same_model}
        return next((word for word in WORST_FIRST if word in found), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What was selected to run, before any of it ran."""

    by_model: Mapping[str, int]
    """Items by model."""


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
    used = [name for name in models if named[name] or by_model.get(name)]
    incumbent = used[0] if used else None
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
                rule=rule or Rule(),
            )
            for name in used[1:]
        ),
        judge_models=tuple(dict.fromkeys(row.judged_by for row in rows if row.judged_by)),
        errors=_errors(rows, read),
        exit_reason=exit_reason,
        calls=calls or CallCounts(),
        suite_hash=_suite_hash(rows),
    )


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
    old = {case: row.outcome for case, row in old_rows.items()}
    new = {case: row.outcome for case, row in new_rows.items()}
    cells = Counter((old[case], new[case]) for case in old if case in new)
    both = [(case, old[case], new[case]) for case in old if case in new]
    flips = {
        pair: tuple(
            Flip(case_id=case, incumbent=read(case, incumbent), candidate=read(case, candidate))
            for case, before, after in both
            if (before, after) == pair
        )
        for pair in (("passed", "missed"), ("missed", "passed"))
    }
    judged = sum(count for pair, count in cells.items() if set(pair) <= _JUDGED)
    unpaired = max(len(old.keys() | new.keys()), planned) - judged
    evidence = Evidence(changes=tuple(_changes(old_rows, new_rows)), unpaired=unpaired)
    return Comparison(
        incumbent=incumbent,
        candidate=candidate,
        broke=flips["passed", "missed"],
        fixed=flips["missed", "passed"],
        both_passed=cells["passed", "passed"],
        both_missed=cells["missed", "missed"],
        unpaired=unpaired,
        cost_ratio=_cost_ratio(old_rows, new_rows),
        latency_ratio=_latency_ratio(old_rows, new_rows),
        decision=decide(evidence, rule or Rule()),
        visible_drop=_visible_drop(evidence) if judged else None,
    )


def _changes(old: Mapping[str, RowLike], new: Mapping[str, RowLike]) -> Iterator[Change]:
    """Yield how each case that is judged on both models changed; of repeats, the shares that passed."""
    for case, before in old.items():
        after = new.get(case)
        if after is not None and {before.outcome, after.outcome} <= _JUDGED:
            yield Change(
                difference=_share(after) - _share(before),
                category=after.category,
                weight=after.weight,
                repeated=max(before.times, after.times) > 1,
            )


def _share(row: RowLike) -> float:
    """Return which share of a case's completions passed, 0 to 1."""
    return row.passes / row.times if row.times > 1 else float(row.outcome == "passed")


def _visible_drop(evidence: Evidence) -> float | None:
    pairs = evidence.pairs
    return smallest_visible_drop(math.floor(pairs.n), min(1.0, pairs.discordance))


def _cost_ratio(old: Mapping[str, RowLike], new: Mapping[str, RowLike]) -> Interval | None:
    pairs = [
        (float(new[case].cost_usd or 0), float(row.cost_usd))
        for case, row in old.items()
        if case in new and row.cost_usd is not None and new[case].cost_usd is not None
    ]
    return ratio_of_means(*zip(*pairs, strict=True)) if pairs else None


def _latency_ratio(old: Mapping[str, RowLike], new: Mapping[str, RowLike]) -> Interval | None:
    pairs = [
        (new[case].latency_ms or 0.0, row.latency_ms)
        for case, row in old.items()
        if case in new and row.latency_ms and new[case].latency_ms
    ]
    return typical_ratio(*zip(*pairs, strict=True)) if pairs else None


# --- one model -------------------------------------------------------------------------------------


def _model_summary(name: str, rows: Sequence[RowLike], planned: int, read: ReadRecord) -> ModelSummary:
    done = [row for row in rows if row.origin is not None]
    latencies = [row.latency_ms for row in done if row.latency_ms is not None]
    unpriced = sum(row.cost_usd is None for row in done)
    adapted = dict.fromkeys(words for row in rows for words in row.adapted)
    return ModelSummary(
        name=name,
        tally=_tally(rows, max(planned, len(rows))),
        completed=sum(row.times for row in done),
        usage=_sum_usage(row.usage for row in done),
        cost_usd=_sum_money(row.cost_usd for row in done) if done and not unpriced else None,
        unpriced=unpriced,
        judge_cost_usd=_sum_money(row.judge_cost_usd for row in rows),
        latency_p50_ms=quantile(latencies, 0.5) if latencies else None,
        latency_p95_ms=quantile(latencies, 0.95) if latencies else None,
        by_category=_tallies(rows, lambda row: row.category),
        by_difficulty=_tallies(rows, lambda row: row.difficulty),
        adapted=tuple(adapted),
        flaky=tuple(sorted(_flaky(rows), key=lambda one: (abs(one.passes / one.times - 0.5), one.case_id))),
        origins=Counter(row.origin for row in done if row.origin),
        causes=grouped((read(row.case_id, name), None) for row in rows if row.outcome == "missed"),
    )


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

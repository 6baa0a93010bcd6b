"""Columns of kept runs, joined into one Summary: the statistics are those of the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_llmupgrade.run.summarise import summarise
from pytest_llmupgrade.run.summary import CallCounts, Planned, Summary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pytest_llmupgrade.kept.reading import KeptRun
    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.record import Row
    from pytest_llmupgrade.verdict import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One model of one kept run, under the name that the report shows."""

    run: KeptRun
    model: str
    shown: str
    cases: Collection[str] | None = None
    """The cases that count, by `FILE::ID`; None: all."""
    not_run: int = 0
    """Beside chosen cases, those that the run planned and did not do, which nobody knows by name."""

    def rows(self) -> Iterator[Row]:
        """Yield the model's rows, under the shown name."""
        for row in self.run.rows.values():
            if row.model == self.model and (self.cases is None or row.case_id in self.cases):
                yield replace(row, model=self.shown)

    def read(self, row: Row) -> Record:
        """Return the whole record of a row, under the shown name."""
        return replace(self.run.read(row), model=self.shown, asked_version=None)

    @property
    def planned(self) -> int:
        """Selected items; of chosen cases, those that are there and those that were not run."""
        rows = sum(1 for _ in self.rows())
        return (
            rows + self.not_run if self.cases is not None else max(rows, self.run.planned.get(self.model, 0))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Columns with their Summary; several columns of one name are parts of one."""

    columns: tuple[Column, ...]
    summary: Summary

    def records(self) -> Iterator[Record]:
        """Yield every whole record, one at a time."""
        for column in self.columns:
            for row in column.rows():
                yield column.read(row)


def join(
    columns: Sequence[Column],
    *,
    created: str,
    exit_reason: str,
    calls: CallCounts | None = None,
    rule: Rule | None = None,
) -> Joined:
    """Return columns with their summary; the first one's name is the incumbent, `rule` is the verdict's."""
    placed = {(row.case_id, row.model): (row, column) for column in columns for row in column.rows()}
    planned: dict[str, int] = {}
    for column in columns:
        planned[column.shown] = planned.get(column.shown, 0) + column.planned

    def read(case: str, model: str) -> Record:
        row, column = placed[case, model]
        return column.read(row)

    summary = summarise(
        [row for row, _ in placed.values()],
        Planned(by_model=planned),
        models=tuple(planned),
        read=read,
        created=created,
        exit_reason=exit_reason,
        calls=calls,
        rule=rule,
    )
    return Joined(columns=tuple(columns), summary=summary)


def join_runs(
    runs: Sequence[KeptRun], *, incumbent: Column | None = None, rule: Rule | None = None
) -> Joined:
    """Return one or several runs as one: every model of each, in the order of their heads, after the incumbent's column."""
    names = dict.fromkeys(name for run in runs for name in run.head.models)
    columns = [
        Column(run=run, model=name, shown=name) for name in names for run in runs if name in run.head.models
    ]
    return join(
        [*([] if incumbent is None else [incumbent]), *columns],
        created=max(run.head.created for run in runs),
        exit_reason=exit_reason(runs),
        calls=call_counts(runs),
        rule=rule,
    )


def exit_reason(runs: Sequence[KeptRun]) -> str:
    """Return how the runs ended: 'finished' only where all did."""
    reasons = [run.end.exit_reason if run.end is not None else "killed" for run in runs]
    return next((reason for reason in reasons if reason != "finished"), "finished")


def call_counts(runs: Sequence[KeptRun]) -> CallCounts:
    """Return the sums of what the runs' calls came to."""
    ends = [run.end for run in runs if run.end is not None]
    return CallCounts(
        live=sum(end.live for end in ends),
        stored=sum(end.stored for end in ends),
        retried=sum(end.retried for end in ends),
        spent_usd=sum((end.spent_usd for end in ends), Decimal(0)),
    )


def fingerprints(run: KeptRun) -> Mapping[str, str]:
    """Return what each case of a run asked and wanted, by `FILE::ID`."""
    return {row.case_id: row.case_sha256 for row in run.rows.values()}

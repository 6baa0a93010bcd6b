"""The dates that providers name in their own lists of models, laid over the table of the package."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines import Deadline, Table
from pytest_llmupgrade.model import CallFailure
from pytest_llmupgrade.providers.model_list import ModelList, fetch_models, list_address
from pytest_llmupgrade.wording import one_line, plural

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pytest_llmupgrade.model import ModelSpec


def asked(specs: Iterable[ModelSpec], table: Table, *, today: date) -> tuple[Table, list[str]]:
    """Ask each server once; return the table with what they say, and a line for each that was asked."""
    said = []
    servers = {
        (spec.base_url, spec.api_key_env): spec for spec in specs if not spec.name.startswith("local/")
    }
    for spec in servers.values():
        shown = list_address(spec)
        answer = fetch_models(spec)
        if isinstance(answer, CallFailure):
            said.append(f"--live: {shown} brought no dates: {one_line(answer.message)}")
            continue
        table = overlaid(table, answer, today=today)
        dated = sum(day is not None for day in answer.shutdowns.values())
        said.append(f"--live: {shown} lists {plural(len(answer.shutdowns), 'model')}, {dated} with a date")
    return table, said


def overlaid(table: Table, listed: ModelList, *, today: date) -> Table:
    """Return the table with a server's dates in place of those of the same names.

    Where the server lists a model without a date, the row stays and says so.
    """
    provider = "yours" if listed.provider in (None, "azure") else listed.provider
    days = {name.lower(): day for name, day in listed.shutdowns.items()}
    live = [
        Deadline(provider=provider or "yours", id=name, shutdown=day, source=listed.source, checked=today)
        for name, day in listed.shutdowns.items()
        if day is not None
    ]
    kept = {row.id.lower(): row for row in table.rows}
    live = [_with_advice(row, kept.get(row.id.lower())) for row in live]
    rest = [
        _undated(row, today) if row.id.lower() in days else row
        for row in table.rows
        if days.get(row.id.lower()) is None
    ]
    return Table((*live, *rest))


def _with_advice(live: Deadline, row: Deadline | None) -> Deadline:
    """Keep the recommendation of the table, and say where its date was another."""
    if row is None:
        return live
    moved = f"the table of the package said {row.shutdown}" if row.shutdown != live.shutdown else None
    return replace(live, replacement=row.replacement, announced=row.announced, note=moved)


def _undated(row: Deadline, today: date) -> Deadline:
    told = f"its provider's list of {today} names no date"
    return replace(row, note=f"{row.note}; {told}" if row.note else told)

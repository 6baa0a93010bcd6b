"""Tables of questions and answers: a CSV of one's own, and DeepEval's goldens (JSON, JSONL or CSV)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles, UsageError
from pytest_llmupgrade.importing.drafts import CaseDraft, SuiteDraft, unique_ids
from pytest_llmupgrade.importing.files import Row, fault_in, parsed_json, read_rows, read_text
from pytest_llmupgrade.importing.templates import NoCounterpart
from pytest_llmupgrade.wording import nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_PLAIN = ("id", "category", "difficulty", "tags", "weight")
"""Columns that a case has under the same name."""
JUDGES = ("contains", "icontains", "equals", "exactly", "similarity", "fuzzy_match", "llm_judge")
"""What may compare an answer with the expected one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds what."""

    input: str = "input"
    expected: str = "expected"


def import_csv(path: Path, *, shown: str, judge: str, columns: Columns) -> SuiteDraft:
    """Return a table's rows as cases; UsageError names a column that is not there."""
    rows = _rows(path, shown)
    names = list(rows[0].value) if rows else []
    for column in (columns.input, columns.expected):
        if rows and column not in names:
            hint = nearest(column, names) or f"It has: {', '.join(names)}."
            raise UsageError(f"{shown}: no column {column!r}. {hint} Name it with --input or --expected.")
    known = {columns.input: "input", columns.expected: "expected", **{name: name for name in _PLAIN}}
    return _suite(rows, shown, judge, known)


def import_deepeval(path: Path, *, shown: str, judge: str) -> SuiteDraft:
    """Return DeepEval's goldens as cases: input and expected_output; the tools expected become a judge."""
    known = {"input": "input", "expected_output": "expected", "expectedOutput": "expected"}
    known |= {"expected_tools": "expected_tools", "expectedTools": "expected_tools", "name": "id"}
    return _suite(_rows(path, shown), shown, judge, known)


def _rows(path: Path, shown: str) -> list[Row]:
    try:
        if path.suffix.lower() != ".json":
            return list(read_rows(path))
        return list(_json_rows(parsed_json(read_text(path), path.name), path.name))
    except NoCounterpart as error:
        raise FaultyFiles([fault_in(path, shown, error)]) from None


def _json_rows(data: Any, name: str) -> Iterator[Row]:
    """Yield the entries of a JSON file; it tells no lines, so the number of an entry stands in for its place."""
    entries = data.get("goldens", data.get("test_cases")) if isinstance(data, dict) else data
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise NoCounterpart(f"{name}: holds no list of objects")
    for number, entry in enumerate(entries, 1):
        yield Row(value={**entry, _NUMBER: number}, line=0)


_NUMBER = "\0number"


def _suite(rows: list[Row], shown: str, judge: str, known: Mapping[str, str]) -> SuiteDraft:
    if not rows:
        raise FaultyFiles([Fault(shown, 0, "holds no rows")])
    drafts = [_draft(row, shown, judge, known) for row in rows]
    ids = unique_ids(_label(fields, number) for number, (fields, _remarks) in enumerate(drafts, 1))
    cases = (
        CaseDraft(
            id=id_, fields={key: value for key, value in fields.items() if key != "id"}, remarks=remarks
        )
        for id_, (fields, remarks) in zip(ids, drafts, strict=True)
    )
    return SuiteDraft(source=shown, cases=tuple(cases))


def _label(fields: Mapping[str, Any], number: int) -> str:
    return str(fields.get("id") or fields.get("input") or f"row-{number}")[:200]


def _draft(
    row: Row, shown: str, judge: str, known: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    number = row.value.get(_NUMBER)
    place = f"entry {number}: " if number else ""
    fields: dict[str, Any] = {}
    remarks: list[Fault] = []
    for column, value in row.value.items():
        if column == _NUMBER or value is None or value in ("", [], {}):
            continue
        name = known.get(column)
        fault = (
            f"the column {one_line(column)!r} has no counterpart"
            if name is None
            else _keep(fields, name, value)
        )
        if fault:
            remarks.append(Fault(shown, row.line, place + fault))
    judges = list(_judges(fields, judge))
    if "input" not in fields or not judges:
        lacking = "no input" if "input" not in fields else "nothing to compare with"
        remarks.append(Fault(shown, row.line, f"{place}{lacking}: the case stays a comment"))
    fields.pop("expected_tools", None)
    fields["judge"] = judges[0] if len(judges) == 1 else judges
    fields["source"] = f"{shown}#{number}" if number else f"{shown}:{row.line}"
    return fields, tuple(remarks)


def _keep(fields: dict[str, Any], name: str, value: Any) -> str | None:
    """Put a value where it belongs, or return why it does not."""
    if name == "tags":
        fields[name] = [part.strip() for part in str(value).split(";") if part.strip()]
    elif name == "weight":
        return _keep_weight(fields, value)
    elif name == "expected_tools":
        return _keep_tools(fields, value)
    elif isinstance(value, str):
        fields[name] = value
    elif name == "expected":
        fields[name] = json.dumps(value, ensure_ascii=False)
    else:
        return f"{name} is no text"
    return None


def _keep_weight(fields: dict[str, Any], value: Any) -> str | None:
    try:
        weight = float(str(value))
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        return f"weight {one_line(str(value))[:40]!r} is no number above 0"
    fields["weight"] = weight
    return None


def _keep_tools(fields: dict[str, Any], value: Any) -> str | None:
    names = [tool.get("name") for tool in value if isinstance(tool, dict)] if isinstance(value, list) else []
    if not names or not all(isinstance(name, str) and name for name in names):
        return "expected_tools without names"
    fields["expected_tools"] = names
    return None


def _judges(fields: Mapping[str, Any], judge: str) -> Iterator[Any]:
    """Yield what judges a case; tools by name, in any order, others allowed, as DeepEval's ToolCorrectness does."""
    if "expected" in fields:
        yield judge
    if "expected_tools" in fields:
        yield {"tool_calls": {"expected": _tools(fields["expected_tools"]), "order": "any", "extra": True}}


def _tools(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name} for name in names]

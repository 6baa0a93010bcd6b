"""The JSON report against its own schema and against the design that other programs were promised."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.run.report.json_report import SCHEMA, json_lines, report_schema
from tests.report.making import many, summary_of
from tests.report.test_terminal import record, three_models
from tests.report.test_terminal import summary_of as summary_of_any

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = {"plugin_version": "0.1.0", "prices_version": None}
PROMISED = {
    "": "schema created plugin_version prices_version suite_hash incumbent judge_models exit_reason models comparisons "
    "cases calls",
    "models": "name planned completed judged passed missed errored skipped accuracy accuracy_interval tokens cost_usd "
    "judge_cost_usd cost_per_passed_usd latency_ms by_category by_difficulty adapted",
    "comparisons": "incumbent candidate paired broke fixed both_passed both_missed unpaired difference interval margin "
    "verdict more_cases_needed cost_ratio latency_ratio",
    "cases": "id nodeid file line model category difficulty outcome answer tool_calls usage cost_usd latency_ms judges",
}
"""Design 4a; `prompt` and `error` stand in a case that has one."""


def report(records: list[Any], summary: Any) -> Any:
    """Return a report as a program reads it."""
    return json.loads("".join(json_lines(summary, records, versions=VERSIONS)))


def undescribed(value: Any, schema: Any, root: Any, path: str = "") -> Iterator[str]:
    """Yield every key of a value that its schema says nothing of."""
    schema = root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, dict) and "properties" in schema:
        for key, inner in value.items():
            if key not in schema["properties"]:
                yield f"{path}.{key}"
            else:
                yield from undescribed(inner, schema["properties"][key], root, f"{path}.{key}")
    elif isinstance(value, list) and "items" in schema:
        for inner in value:
            yield from undescribed(inner, schema["items"], root, f"{path}[]")


REPORTS = {
    "two models": report(many(30), summary_of(many(30))),
    "everything once": report([record("a", "m", "errored"), record("b", "m", "skipped")], three_models()),
    "nothing judged": report([], summary_of_any([record("a", "m", "errored"), record("a", "n", "errored")])),
    "one case": report([record("a", "m", "passed")], summary_of_any([record("a", "m", "passed")], planned=1)),
}


@pytest.mark.parametrize("name", REPORTS)
def test_reports_keep_to_the_schema(name: str) -> None:
    """Whatever happened in a run, its report is valid, and has no key that the schema leaves out."""
    Draft202012Validator(report_schema()).validate(REPORTS[name])
    assert list(undescribed(REPORTS[name], report_schema(), report_schema())) == []


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`llmupgrade schema report` prints the schema, which is one, and names the version that reports name."""
    assert main(["schema", "report"]) == 0
    printed = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(printed)
    assert printed == report_schema()
    assert printed["$id"] == printed["properties"]["schema"]["const"] == SCHEMA


@pytest.mark.parametrize("part", PROMISED)
def test_every_promised_field_is_there(part: str) -> None:
    """Each field that the design promises to programs stands in a report."""
    found = REPORTS["two models"][part][0] if part else REPORTS["two models"]
    assert set(PROMISED[part].split()) <= found.keys()


def test_a_wrong_report_is_refused() -> None:
    """The schema is no formality: a share in per cent, money as a number or a missing field is not valid."""
    validator = Draft202012Validator(report_schema())
    for part, key, wrong in (
        ("models", "accuracy", 93.3),
        ("models", "cost_usd", 0.1),
        ("cases", "outcome", "ok"),
    ):
        broken = json.loads(json.dumps(REPORTS["two models"]))
        broken[part][0][key] = wrong
        assert not validator.is_valid(broken)
        del broken[part][0][key]
        assert not validator.is_valid(broken) or key == "cost_usd"

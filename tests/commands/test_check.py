"""`llmupgrade check`: what a run would refuse is told without one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.commands.check import check
from pytest_llmupgrade.commands.rehearsing import _rehearsed
from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.judges.llm import LlmJudge
from pytest_llmupgrade.judges.table import BUILT_IN

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(folder: Path, judge: str, more: str = "") -> list[str]:
    """Return what the command says of a case with that judge."""
    path = folder / "eval_x.yaml"
    path.write_text(f"cases:\n  - id: a\n    input: x\n    judge: {judge}\n{more}", encoding="utf-8")
    lines: list[str] = []
    try:
        check([path.relative_to(folder)], lines.append)
    except FaultyFiles as error:
        return str(error).splitlines()
    return lines


@pytest.mark.parametrize(
    ("judge", "line", "words"),
    [
        (
            "{similarity: {expected: x, treshold: 0.9}}",
            4,
            "judge 'similarity' takes no option 'treshold'. Did you mean 'threshold'?",
        ),
        ("{similarity: {expected: x, threshold: hi}}", 4, "threshold is a number above 0 and up to 1, not"),
        (
            "{similarity: {expected: x, threshold: 95}}",
            4,
            "threshold is a number above 0 and up to 1, not 95",
        ),
        ("contains", 2, "judge 'contains' has nothing to compare with: write `contains: TEXT`, or give"),
        ("{contains: 30}", 4, "judge 'contains' looks for a text, not 30; put it in quotes"),
        ("{contains_any: abc}", 4, "judge 'contains_any' takes a list of texts, not"),
        ("max_cost", 2, "judge 'max_cost' needs a limit in USD: write `max_cost: 0.002`"),
        ("{max_latency: slow}", 4, "judge 'max_latency' takes a limit in seconds, not"),
        ("pydantic", 2, "judge 'pydantic' needs the option 'model'."),
        ("{llm_judge: {criterion: x}}", 4, "judge 'llm_judge' takes no option 'criterion'."),
        ("{llm_judge: {criteria: 3}}", 4, "judge 'llm_judge': criteria is a text, not 3"),
        ("{snapshot: {x: 1}}", 4, "judge 'snapshot' takes no option 'x'"),
        (
            "{not: {judge_regex: {flags: q, expected: x}}}",
            4,
            "judge 'regex': flags are letters of 'ims', not",
        ),
    ],
)
def test_options_that_cannot_be_meant_are_faults(folder: Path, judge: str, line: int, words: str) -> None:
    """What a built-in judge does not take is told with its place, before any model is asked."""
    (fault,) = said(folder, judge)
    assert fault.startswith(f"eval_x.yaml:{line}: case 'a': judge ")
    assert words in fault


@pytest.mark.parametrize(
    "judge",
    [
        "{similarity: {expected: x, threshold: 0.9}}",
        "{max_cost: 0.002}",
        "{max_latency: 2.5}",
        "{max_tokens: 200}",
        "{pydantic: {model: 'not.installed:Here'}}",
        "llm_judge",
        "{llm_judge: {criteria: x, expected: y}}",
        "snapshot",
        "{not: is_refusal}",
        "contains_json",
        "{tool_calls: [lookup]}",
        "[{regex: {expected: x, flags: i}}, {json_schema: {schema: {type: object}}}]",
    ],
)
def test_options_that_judges_take_are_in_order(folder: Path, judge: str) -> None:
    """What a judge takes is no fault, whatever it would need of a run."""
    assert said(folder, judge) == ["1 file, 1 case: all in order"]


def test_a_default_judge_is_one_place(folder: Path) -> None:
    """A file's default judge is blamed once, however many cases it decides."""
    (folder / "eval_x.yaml").write_text(
        "judge: {contains: 30}\ncases:\n  - {id: a, input: x}\n  - {id: b, input: y}\n", encoding="utf-8"
    )
    with pytest.raises(FaultyFiles) as error:
        check([folder], print)
    assert [fault.line for fault in error.value.faults] == [1]
    assert "case 'a' and 1 more: judge 'contains' looks for a text" in str(error.value)


def test_judges_of_ones_own_stay_as_they_are(folder: Path) -> None:
    """A judge that is not built in takes what it likes, and a conftest.py may have replaced one that is."""
    assert said(folder, "{mine: {limit: 3}}") == [
        "1 file, 1 case: all in order",
        "judge 'mine' is not built in; a conftest.py has to define it",
    ]
    (folder / "conftest.py").write_text("def judge_similarity(): ...\n", encoding="utf-8")
    assert said(folder, "{similarity: {speed: 3}}") == ["1 file, 1 case: all in order"]


def test_a_name_near_a_judge_s_is_not_all_in_order(folder: Path) -> None:
    """A judge that may be a fixture, or a slip, is no fault, but not all is in order."""
    assert said(folder, "equalz") == [
        "1 file, 1 case: in order but for a judge's name",
        "judge 'equalz' is not built in; a conftest.py has to define it. Did you mean 'equals'?",
    ]


def test_every_judge_is_rehearsed_with_its_own_options() -> None:
    """What stands in for a judge takes what the judge takes."""
    stands_in = _rehearsed()
    assert set(stands_in) == {*BUILT_IN, "llm_judge", "snapshot"}
    for name, judge in (("llm_judge", LlmJudge.__call__), ("pydantic", BUILT_IN["pydantic"])):
        taken = [one for one in inspect.signature(judge).parameters if one != "self"]
        assert list(inspect.signature(stands_in[name]).parameters) == taken

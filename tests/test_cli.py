from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_llmupgrade.cli import main

GOOD = "cases:\n  - {id: a, input: x, expected: y, judge: contains}\n"


def test_check_counts_what_is_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`llmupgrade check` says how many files and cases are in order."""
    (tmp_path / "eval_a.yaml").write_text(GOOD)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.eval.yml").write_text(GOOD)
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "2 files, 2 cases: all in order\n"


def test_check_names_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Faults of all files come together, on stderr, with exit code 2."""
    (tmp_path / "eval_a.yaml").write_text("cases: 3\n")
    (tmp_path / "eval_b.yaml").write_text("")
    assert main(["check", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition("/")[2].partition(":")[0] for line in lines] == ["eval_a.yaml", "eval_b.yaml"]


@pytest.mark.parametrize(("name", "words"), [("none", "no such file"), (".", "no eval files in it")])
def test_check_finds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    """A path without eval files is a mistake, not a success."""
    assert main(["check", str(tmp_path / name)]) == 2
    assert words in capsys.readouterr().err


def test_check_tells_of_judges_that_it_cannot_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A judge that is not built in may be a fixture of the project's: no fault, but said, with the nearest built-in name."""
    path = tmp_path / "eval_a.yaml"
    path.write_text("judge: contians\ncases:\n  - {id: a, input: x, expected: y}\n")
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 file, 1 case: in order but for a judge's name",
        "judge 'contians' is not built in; a conftest.py has to define it. Did you mean 'contains'?",
    ]


def test_a_wrong_flag_is_answered_by_the_command_it_was_given_to(capsys: pytest.CaptureFixture[str]) -> None:
    """The usage shown is that command's, with the nearest flag that it has."""
    with pytest.raises(SystemExit, match="2"):
        main(["init", "--candiate", "gpt-4o"])
    said = capsys.readouterr().err
    assert said.startswith("usage: llmupgrade init ")
    assert said.endswith(
        "llmupgrade init: error: unrecognized arguments: --candiate. Did you mean '--candidate'?\n"
    )


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """`llmupgrade schema` prints JSON."""
    assert main(["schema"]) == 0
    assert "cases" in json.loads(capsys.readouterr().out)["properties"]


def test_models_that_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name is one line with the nearest right one."""
    assert main(["models", "pull", "local/smollm2-135"]) == 2
    assert "Did you mean 'local/smollm2-135m'?" in capsys.readouterr().err


def test_the_example_is_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """The example suite has at least 80 cases, and all of them load."""
    assert main(["check", str(Path(__file__).parents[1] / "example_suite")]) == 0
    assert int(capsys.readouterr().out.split()[2]) >= 80

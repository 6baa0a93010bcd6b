"""`llmupgrade init`."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.commands.init import WORKFLOW, guess, run, successor
from pytest_llmupgrade.deadlines import find, shipped
from pytest_llmupgrade.prompts import load_prompts
from pytest_llmupgrade.prompts.binding import case_faults
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = {"evals/eval_example.yaml", "evals/prompts.yaml", "pyproject.toml", WORKFLOW}


def files_of(root: Path) -> dict[str, str]:
    """Return every file of a folder."""
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def init(root: Path, **answers: str) -> list[str]:
    """Run the command where nobody can answer, and return its lines."""
    lines: list[str] = []
    incumbent, candidate = answers.get("incumbent"), answers.get("candidate")
    assert run(root, incumbent=incumbent, candidate=candidate, ask=None, say=lines.append) == 0
    return lines


def test_everything_written_is_in_order(tmp_path: Path) -> None:
    """The suite loads, the settings load, the workflow is YAML, and no placeholder is left in any of them."""
    lines = init(tmp_path, incumbent="gpt-4o", candidate="gpt-6-luna")
    made = files_of(tmp_path)
    assert set(made) >= WRITTEN
    cases = load_suite(tmp_path / "evals" / "eval_example.yaml", file="e")
    assert len(cases) >= 4
    prompts = load_prompts(tmp_path / "evals" / "prompts.yaml")
    assert list(case_faults(cases, prompts)) == []
    assert prompts["desk"].versions == ("verbose", "concise")
    assert set(load_settings(tmp_path / "pyproject.toml").models) == {"gpt-4o", "gpt-6-luna"}
    assert "@" not in made["pyproject.toml"]
    assert not any(word in text for text in made.values() for word in ("@INCUMBENT@", "@CANDIDATE@"))
    assert lines[-1] == "run: pytest evals --llm-models=gpt-4o,gpt-6-luna"


def test_a_model_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    """Where the incumbent answers no more, the way to its logged answers is told; else nothing of it."""
    lines = init(tmp_path, incumbent="gpt-3.5-turbo", candidate="gpt-4o")
    assert (
        lines[-3]
        == "gpt-3.5-turbo was shut down on 2026-10-23 and answers nothing new. Its logged answers do:"
    )
    assert lines[-2] == "  llmupgrade cases LOG -o evals/eval_NAME.yaml --snapshot-model gpt-3.5-turbo"
    assert not any("logged" in line for line in init(tmp_path, incumbent="gpt-6-luna", candidate="gpt-4o"))


def test_the_workflow(tmp_path: Path) -> None:
    """The workflow caps its costs, has no more rights than reading, and never runs a fork's code with the key."""
    init(tmp_path, incumbent="gpt-4o", candidate="gpt-6-luna")
    text = (tmp_path / WORKFLOW).read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["env"] == {"LLM_MODELS": "gpt-4o,gpt-6-luna", "LLM_BUDGET": "5.00"}
    triggers = workflow[True]  # YAML 1.1 takes `on` for a boolean
    assert set(triggers) == {"pull_request", "schedule", "workflow_dispatch"}
    assert "fork != true" in workflow["jobs"]["evals"]["if"]
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert any('--llm-budget="$LLM_BUDGET"' in command for command in commands)
    assert not any("${{" in command for command in commands)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """What is there stays letter by letter; a second run changes nothing."""
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "eval_example.yaml").write_text("mine")
    (tmp_path / "pyproject.toml").write_bytes(b'[project]\r\nname = "x"')
    init(tmp_path)
    first = files_of(tmp_path)
    assert first["evals/eval_example.yaml"] == "mine"
    assert (tmp_path / "pyproject.toml").read_bytes().startswith(b'[project]\r\nname = "x"\n\n# pytest-llm')
    assert tomllib.loads(first["pyproject.toml"])["project"] == {"name": "x"}
    lines = init(tmp_path)
    assert files_of(tmp_path) == first
    assert sum(line.startswith("kept: ") for line in lines) == len(WRITTEN)


def test_a_tool_table_in_one_line_is_left_alone(tmp_path: Path) -> None:
    """Where TOML allows no further table, the file stays as it is and the user is told."""
    (tmp_path / "pyproject.toml").write_text("tool = {a = 1}\n")
    assert any("by hand" in line for line in init(tmp_path))
    assert (tmp_path / "pyproject.toml").read_text() == "tool = {a = 1}\n"


def test_the_guess(tmp_path: Path) -> None:
    """The model that the code names most is taken for the incumbent, and its provider's advice for the candidate."""
    assert find(guess(tmp_path).incumbent, shipped()) is not None
    (tmp_path / "app.py").write_text('A = "gpt-3.5-turbo"\nB = "gpt-3.5-turbo"\nC = "o3"\n')
    guessed = guess(tmp_path)
    assert (guessed.incumbent, guessed.candidate, guessed.why) == (
        "gpt-3.5-turbo",
        "gpt-5.6-terra",
        "app.py:1",
    )
    assert init(tmp_path)[0] == "gpt-3.5-turbo is named in app.py:1"


def test_the_successor_is_a_single_other_model() -> None:
    """Advice that is no plain name, and a model itself, are no successor."""
    for name in ("gpt-4o", "gpt-image-1", "o1-pro", "gpt-6-luna", "no-such"):
        assert " " not in successor(name)
        assert successor(name) != name


def test_questions(tmp_path: Path) -> None:
    """On a terminal two questions are asked, and the second proposes what follows the first answer."""
    asked = []

    def ask(question: str, default: str) -> str:
        asked.append(default)
        return "gpt-5-mini" if "production" in question else default

    run(tmp_path, incumbent=None, candidate=None, ask=ask, say=lambda _line: None)
    assert asked == ["gpt-4o", "gpt-5.6-terra"]
    assert "gpt-5-mini,gpt-5.6-terra" in (tmp_path / WORKFLOW).read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--incumbent", "a b"], "has a space"),
        (["--incumbent", 'x"]\n'], "has a space, a bracket"),
        (["--incumbent", 'x"y'], "is no model's name"),
        (["--incumbent", "same", "--candidate", "same"], "stands twice"),
        (["nowhere"], "nowhere: no such folder"),
    ],
)
def test_mistakes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    """A mistake is one clear line and exit code 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not files_of(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file where a folder must be is one clear line, and the file stays."""
    (tmp_path / "evals").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "evals/eval_example.yaml: not written: File exists\n"
    assert (tmp_path / "evals").read_text() == "mine"

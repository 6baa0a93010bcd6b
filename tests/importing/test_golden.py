"""Suites of other tools, imported: what is written stands in tests/data/importing/expected, and it loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.run.load import load_suite
from tests.golden import DATA, check

SOURCES = DATA / "importing" / "sources"
CASES = {
    "promptfoo": (["promptfoo", "promptfoo/promptfooconfig.yaml"], 22),
    "openai-evals": (["openai-evals", "match.jsonl"], 2),
    "openai-evals-includes": (["openai-evals", "match.jsonl", "--match", "includes"], 2),
    "deepeval": (["deepeval", "goldens.json"], 2),
    "csv": (
        ["csv", "table.csv", "--input", "question", "--expected", "answer", "--judge", "icontains"],
        2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files and the words on the terminal are as expected, every file loads, and no key of the source is in them."""
    arguments, cases = CASES[name]
    project = tmp_path / "project"
    shutil.copytree(SOURCES, project)
    (tmp_path / "outside.yaml").write_text("- vars: {question: of another project}\n")
    monkeypatch.chdir(project)
    assert main(["import", *arguments]) == 0
    made = {path.name: path.read_text() for path in sorted(Path("evals").iterdir())}
    made["terminal.txt"] = capsys.readouterr().out
    for file, text in made.items():
        check(f"importing/expected/{name}/{file}", text)
    assert set(made) == {path.name for path in (DATA / "importing" / "expected" / name).iterdir()}
    everything = "".join(made.values())
    assert "planted" not in everything
    assert "of another project" not in everything
    assert "to mend by hand" not in everything
    loaded = [load_suite(Path("evals") / file, file=file) for file in made if file.endswith(".yaml")]
    assert sum(map(len, loaded)) == cases

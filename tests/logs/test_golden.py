"""A log of every format, made into cases: what is written stands in tests/data/logs/expected, and it loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.run.load import load_suite
from tests.golden import DATA, check

SOURCES = DATA / "logs" / "sources"
OWN = ("payload.chat", "reply.out[0].text", "stars", "route")
CASES = {
    "plain": (["plain.json", "--min-rating", "4"], 2),
    "fine_tuning": (["fine_tuning.jsonl"], 2),
    "stored": (["stored.json"], 1),
    "batch": (["batch_input.jsonl", "batch_output.jsonl"], 2),
    "evals_data": (["evals_data.jsonl"], 2),
    "evals_run": (["evals_run.jsonl", "--min-rating", "4"], 1),
    "otel": (["otel.jsonl"], 3),
    "otlp": (["otlp.json"], 3),
    "langfuse": (["langfuse.jsonl", "--json-schema"], 2),
    "langsmith": (["langsmith.jsonl"], 3),
    "helicone": (["helicone.jsonl"], 2),
    "litellm": (["litellm.jsonl"], 2),
    "mapped": (
        [
            "own.jsonl",
            *(
                f"--map={key}={path}"
                for key, path in zip(("messages", "expected", "rating", "category"), OWN, strict=True)
            ),
        ],
        1,
    ),
}  # fmt: skip  a table


@pytest.mark.parametrize("name", CASES)
def test_golden(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cases and the words on the terminal are as expected, and the cases load."""
    arguments, cases = CASES[name]
    shutil.copytree(SOURCES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    assert main(["cases", *arguments, "-o", "evals/eval_logs.yaml"]) == 0
    made = Path("evals/eval_logs.yaml")
    check(f"logs/expected/{name}.yaml", made.read_text(encoding="utf-8"))
    check(f"logs/expected/{name}.txt", capsys.readouterr().out)
    assert len(load_suite(made, file="evals/eval_logs.yaml")) == cases
    assert [path.name for path in Path("evals").iterdir()] == [made.name]

"""The example's production log, made into cases and run: what production answered passes, what was planted is nowhere."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.run.load import load_suite

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

ROOT = Path(__file__).parents[2]
LOG = ROOT / "example_suite" / "production_logs.json"
OPTIONS = ["--min-rating", "4", "--json-schema", "--judge", "similarity", "--judge", "triage=equals"]
TARGET = """
import json
import pytest
from pytest_llmupgrade import Completion, ToolCall, Usage


@pytest.fixture
def llm_target():
    def run(case, llm):
        if case.expected is not None:
            return case.expected
        calls = [
            ToolCall(id="1", name=call["name"], arguments=json.dumps(call["arguments"]))
            for call in case.judges[0].options["expected"]
        ]
        usage = Usage(input_tokens=1, output_tokens=1)
        return Completion(text="", tool_calls=tuple(calls), usage=usage, latency_ms=1.0, model=llm.model)

    return run
"""


def script() -> Any:
    """Return the module that builds the log."""
    spec = importlib.util.spec_from_file_location("build_logs", ROOT / "scripts" / "build_production_logs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_log_is_what_the_script_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The committed log is the script's, with every secret and personal datum in it."""
    module = script()
    monkeypatch.setattr(module, "PATH", tmp_path / "log.json")
    module.main()
    text = (tmp_path / "log.json").read_text()
    assert text == LOG.read_text()
    assert [value for value in module.planted() if value not in text] == []


def test_what_production_answered_passes(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Every logged answer passes its own judge, and the committed suite is what is made.

    No planted secret is in any output: suites, snapshot, summaries, errors, the run and its report.
    """
    made = project.pytester.path / "evals" / "eval_from_logs.yaml"
    assert main(["cases", str(LOG), "-o", str(made), *OPTIONS, "--snapshot-model", "old"]) == 0
    project.write("damaged.json", LOG.read_bytes()[:-200].replace(b'"messages"', b'"messages": 1, "x"', 3))
    for wrong in (["--format", "litellm"], ["--min-rating", "9"], ["--by", "none", "--sample", "0"], []):
        assert main(["cases", "damaged.json", "-o", "evals/none.yaml", *wrong]) in (0, 2)
    told = "".join(capsys.readouterr())
    kept = made.parent / "__llm_snapshots__" / "eval_from_logs" / "old.yaml"
    assert made.read_text() == (ROOT / "example_suite" / "from_logs" / made.name).read_text()
    cases = load_suite(made, file="x")
    assert sum(case.weight for case in cases) == 196
    project.write("conftest.py", TARGET)
    project.models = "old"
    result = project.run("evals/eval_from_logs.yaml", "--llm-report=out.json", "-v")
    result.assert_outcomes(passed=len(cases))
    outputs = [told, result.stdout.str(), result.stderr.str(), made.read_text(), kept.read_text()]
    outputs.append((made.parent / "none.yaml").read_text())
    outputs.append((project.pytester.path / "out.json").read_text())
    assert [value for value in script().planted() if any(value in text for text in outputs)] == []

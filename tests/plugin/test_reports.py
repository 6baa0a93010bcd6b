from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests import golden

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")


def normalised(text: str) -> str:
    """Return terminal output without what differs from run to run: times, versions, paths."""
    text = re.sub(r"\d+(\.\d+)? (ms|s)\b( / \d+(\.\d+)? (ms|s))?", lambda m: "T".rjust(len(m.group())), text)
    text = re.sub(r"in \d+\.\d+s", "in T", text)
    text = re.sub(r"^=+ (.*?) =+$", r"== \1 ==", text, flags=re.MULTILINE)
    text = re.sub(r"^_+ (.*?) _+$", r"__ \1 __", text, flags=re.MULTILINE)
    text = re.sub(r" +$", "", text, flags=re.MULTILINE)
    return re.sub(r"(latency p50 / p95) .*", r"\1 T", text)


@pytest.mark.parametrize("width", [80, 160])
def test_what_a_run_prints(project: Project, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """A whole run's output reads as the reviewed file says."""
    monkeypatch.setenv("COLUMNS", str(width))
    project.fail_on = None
    result = project.run("--no-header", "-q", "--color=no")
    golden.check(f"terminal/run_{width}.txt", normalised(result.stdout.str()))


def test_a_run_under_xdist_says_the_same(project: Project) -> None:
    """With -n0 and -n2 the report is the same, line by line, as without."""
    outputs = []
    for flags in ((), ("-n0", "--llm-fresh"), ("-n2", "--llm-fresh")):
        text = normalised(project.run("--no-header", "-q", "--color=no", *flags).stdout.str())
        outputs.append(text[text.index("== LLM upgrade") : text.index("== short test summary")])
    assert outputs[0] == outputs[1] == outputs[2]


def test_colour_marks_what_broke(project: Project) -> None:
    """On a terminal the word for a break is red and that for a fix is green."""
    text = project.run("--color=yes").stdout.str()
    assert re.search(r"\x1b\[31m\s+1 broke", text)
    assert re.search(r"\x1b\[32m1 fixed", text)


def test_json_report(project: Project) -> None:
    """--llm-report writes the figures of the run and every case with its answer and judges."""
    project.run("--llm-report=sub/out.json")
    report = json.loads((project.pytester.path / "sub/out.json").read_text())
    assert report["schema"] == "llmupgrade-report/1"
    assert report["incumbent"] == "old"
    assert [model["accuracy"] for model in report["models"]] == [2 / 3, 2 / 3]
    assert report["comparisons"][0]["broke"] == ["evals/eval_support.yaml::refund-a"]
    assert report["comparisons"][0]["fixed"] == ["evals/eval_support.yaml::refund-b"]
    assert report["calls"] == {
        "live": 6,
        "stored": 0,
        "replayed": 0,
        "retried": 0,
        "spent_usd": "0",
        "budget_usd": None,
        "notices": [],
    }
    broke = next(case for case in report["cases"] if case["nodeid"].endswith("refund-a[new]"))
    assert broke["answer"] == "You have one month."
    assert broke["judges"] == [
        {"name": "contains", "passed": False, "reason": "'30 days' is not in the answer"}
    ]


def test_a_report_that_cannot_be_written(project: Project) -> None:
    """A path that cannot be written costs one line, not the run."""
    project.write("taken", "a file, not a folder")
    result = project.run("--llm-report=taken/out.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["--llm-report=taken/out.json: not written: *"])


def test_incumbent_flag(project: Project) -> None:
    """--llm-incumbent names the model in production where it is not the first."""
    result = project.run("--llm-incumbent=new")
    result.stdout.fnmatch_lines(["*old against new, 3 cases paired*"])


def test_prices_of_the_user(project: Project) -> None:
    """A price in the settings beats the catalogue, in USD per million tokens."""
    project.write(
        "pyproject.toml", '[tool.llmupgrade.models."old"]\nprice = {input = 100000, output = 500000}\n'
    )
    project.run("--llm-report=out.json")
    models = json.loads((project.pytester.path / "out.json").read_text())["models"]
    assert float(models[0]["cost_usd"]) == pytest.approx(3 * (10 * 0.1 + 2 * 0.5))
    assert models[1]["cost_usd"] is None

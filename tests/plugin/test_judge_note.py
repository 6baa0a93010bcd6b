"""What a report says of how far its judge can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# imported here, since pytester takes what a test imports out of sys.modules again, and PyYAML is no friend of that
from pytest_llmupgrade.calibration.labels import read_labels
from pytest_llmupgrade.cli import main

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

LABELS = "pairs:\n" + "".join(
    f"  - {{input: 'q{n}', answer: 'a{n}', human: {'pass' if n % 4 else 'fail'}}}\n" for n in range(8)
)


@pytest.fixture
def judged(project: Project) -> Project:
    """Return a project whose cases `llm_judge` judges."""
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: llm_judge"))
    for name in ("judge", "another"):
        project.server.reply(model=name, text='{"reason": "fine", "verdict": "pass"}')
    return project


def test_a_report_quotes_the_judges_calibration(judged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An uncalibrated judge is said to be one; after `llmupgrade calibrate` the report quotes its figures."""
    first = judged.run("--llm-judge-model=judge")
    first.stdout.fnmatch_lines(["*llm_judge (judge): uncalibrated; llmupgrade calibrate*"])
    judged.write("labels.yaml", LABELS)
    monkeypatch.chdir(judged.pytester.path)
    assert len(read_labels(judged.pytester.path / "labels.yaml", shown_as="labels.yaml")) == 8
    assert main(["calibrate", "labels.yaml", "--judge-model=judge"]) == 0
    second = judged.run("--llm-judge-model=judge")
    second.stdout.fnmatch_lines(["*llm_judge (judge): on 8 labelled answers *sensitivity 100.0 %*"])
    other = judged.run("--llm-judge-model=another")
    other.stdout.fnmatch_lines(["*llm_judge (another): uncalibrated*"])


def test_a_run_without_it_says_nothing(project: Project) -> None:
    """Where no answer was judged by a model, nothing is said of one."""
    assert "llm_judge" not in project.run("--llm-judge-model=judge").stdout.str()

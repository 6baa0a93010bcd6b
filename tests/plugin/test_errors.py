from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Project
    from tests.server import LlmServer

pytestmark = pytest.mark.usefixtures("inside")

FAULTS: dict[str, tuple[Callable[[LlmServer], None], str]] = {
    "401": (
        lambda server: server.fail(401, "Incorrect API key provided: sk-secret", contains="cash"),
        "*old: the key in OPENAI_API_KEY is refused (401)*",
    ),
    "404": (
        lambda server: server.fail(
            404, "The model `old` does not exist", code="model_not_found", contains="cash"
        ),
        "*old: no such model at 127.0.0.1*",
    ),
    "500": (lambda server: server.fail(400, "bad thing", contains="cash"), "*bad thing*"),
    "HTML": (
        lambda server: server.send("<html>hello</html>", contains="cash"),
        "*the answer is not JSON*",
    ),
    "no choices": (
        lambda server: server.send({"choices": []}, contains="cash"),
        "*the answer has no choices*",
    ),
    "null content": (
        lambda server: server.reply(text=None, contains="cash"),
        "*the answer is empty (content is null)*",
    ),
}


def report(project: Project) -> dict[str, Any]:
    """Return the JSON report of the project's last run."""
    loaded: dict[str, Any] = json.loads((project.pytester.path / "out.json").read_text())
    return loaded


def assert_adds_up(model: dict[str, Any]) -> None:
    """Check that planned is passed and missed and errored and skipped."""
    assert model["planned"] == sum(model[key] for key in ("passed", "missed", "errored", "skipped"))
    assert model["not_run"] == 0


@pytest.mark.parametrize("name", FAULTS)
def test_a_failed_call_is_an_error(project: Project, name: str) -> None:
    """A call that brings no answer is an error (E) with one clear line, never a miss, and the sums hold."""
    fault, line = FAULTS[name]
    fault(project.server)
    project.models = "old"
    result = project.run("--llm-report=out.json")
    assert result.ret == 1
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines([line])
    text = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in text
    assert "sk-secret" not in text
    assert "pytest_llmupgrade/" not in text
    assert_adds_up(report(project)["models"][0])


def test_a_refusal_is_an_answer(project: Project) -> None:
    """A refusal is what the model answered: it is judged, and the output says that it is one."""
    project.server.reply(text=None, refusal="I cannot help.", contains="cash")
    project.models = "old"
    result = project.run("--llm-report=out.json")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*answer: (refused) I cannot help.*"])
    assert_adds_up(report(project)["models"][0])


def test_a_judge_that_raises(project: Project, distribution: tuple[str, ...]) -> None:
    """A broken judge is an error of the judge with its place, not a miss of the model."""
    project.write(
        "conftest.py",
        """
import pytest

@pytest.fixture
def fragile():
    def judge(completion, case):
        return completion.text.index("days") > 3
    return judge
""",
    )
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: fragile"))
    project.models = "old"
    result = project.run("--llm-report=out.json", *distribution)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*judge 'fragile' raised ValueError: substring not found (conftest.py:7)*"])
    assert_adds_up(report(project)["models"][0])


def test_no_key_reaches_any_output(project: Project) -> None:
    """A key that a project's own judge or target puts into an exception is masked everywhere."""
    key = "sk-proj-" + "a1B2" * 10
    project.write(
        "conftest.py",
        f"""
import pytest

@pytest.fixture
def fragile():
    def judge(completion, case):
        raise RuntimeError("refused: {key}")
    return judge
""",
    )
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: fragile"))
    project.models = "old"
    result = project.run("--llm-report=out.json", "--junitxml=out.xml")
    result.assert_outcomes(errors=3)
    files = [(project.pytester.path / name).read_text() for name in ("out.json", "out.xml")]
    assert key not in "".join([result.stdout.str(), result.stderr.str(), *files])


def test_a_judge_that_asserts(project: Project) -> None:
    """An assert in a judge is a miss, with pytest's introspection as the reason."""
    project.write(
        "conftest.py",
        """
import pytest

@pytest.fixture
def says_days():
    def judge(completion, case):
        assert "days" in completion.text
    return judge
""",
    )
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: says_days"))
    project.models = "old"
    result = project.run()
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*missed says_days: assert 'days' in 'I do not know.'*"])


def test_a_crashed_worker_lowers_nothing(project: Project) -> None:
    """An item whose worker dies is errored, the others finish, and every planned item is accounted for."""
    project.write(
        "conftest.py",
        """
import os
import pytest

@pytest.fixture
def deadly():
    def judge(completion, case):
        if case.id == "refund-b":
            os._exit(9)
        return True
    return judge
""",
    )
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: deadly"))
    project.run("-n2", "--llm-report=out.json")
    found = report(project)
    assert [model["errored"] for model in found["models"]] == [1, 1]
    for model in found["models"]:
        assert_adds_up(model)


def test_hostile_answers_stay_text(project: Project) -> None:
    """Escape sequences, bidi overrides, lone surrogates and markup in an answer show as text."""
    project.server.default(text="\x1b[2J\x1b]0;owned\x07 \u202egnp.exe \ud83d <script>alert(1)</script>")
    project.models = "old"
    result = project.run("--llm-report=out.json", "--color=yes")
    text = result.stdout.str()
    assert "\x1b[2J" not in text
    assert "\x1b]0" not in text
    assert "\u202e" not in text
    assert "\\x1b[2J" in text
    assert report(project)["models"][0]["missed"] == 1

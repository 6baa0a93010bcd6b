from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

TARGETS = {
    "text": "def run(case, llm):\n        return 'A-17, cash, 30 days'",
    "async": "async def run(case, llm):\n        return 'A-17, cash, 30 days'",
    "through llm": "def run(case, llm):\n        return llm('Where is A-17?', temperature=0)",
    "openai": (
        "def run(case, llm):\n        import openai\n"
        "        return openai.OpenAI().chat.completions.create(model=llm.model, messages=list(case.messages))"
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_llm_target(project: Project, name: str) -> None:
    """A project's own function stands in for the bare model, sync or async, whatever it returns."""
    project.write(
        "conftest.py",
        f"import pytest\n\n@pytest.fixture\ndef llm_target():\n    {TARGETS[name]}\n    return run\n",
    )
    project.models = "old"
    result = project.run("--llm-report=out.json")
    passed = 3 if name in ("text", "async") else 1 if name == "through llm" else 2
    result.assert_outcomes(passed=passed, failed=3 - passed)
    model = json.loads((project.pytester.path / "out.json").read_text())["models"][0]
    assert model["tokens"]["input"] == (0 if name in ("text", "async") else 30)


def test_a_target_that_raises(project: Project) -> None:
    """A target's exception is an error of the target, in one line."""
    project.write(
        "conftest.py",
        "import pytest\n\n@pytest.fixture\ndef llm_target():\n    return lambda case, llm: 1 / 0\n",
    )
    result = project.run("--llm-models=old")
    result.stdout.fnmatch_lines(["llm_target raised ZeroDivisionError: division by zero"])
    assert result.parseoutcomes()["errors"] >= 3


def test_python_tests_take_part(project: Project, distribution: tuple[str, ...]) -> None:
    """A Python test asks through `llm`; its result stands in the same report."""
    project.write(
        "test_tone.py",
        """
def test_order(llm):
    assert "A-17" in llm("Where is order A-17?").text

def test_never(llm, llm_model):
    assert llm([{"role": "user", "content": "hello"}], temperature=0).text == "hi", llm_model
""",
    )
    result = project.run("--llm-report=out.json", "test_tone.py", *distribution)
    result.assert_outcomes(passed=2, failed=2)
    report = json.loads((project.pytester.path / "out.json").read_text())
    assert [(m["passed"], m["missed"]) for m in report["models"]] == [(1, 1), (1, 1)]
    assert report["comparisons"][0]["both_passed"] == 1


def test_llm_judge(project: Project) -> None:
    """llm_judge asks its own model with structured output, and its cost stands apart."""
    project.write("pyproject.toml", '[tool.llmupgrade.models."judge"]\nprice = {input = 1, output = 1}\n')
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: llm_judge"))
    project.server.reply(model="judge", text='{"reason": "fine", "verdict": "pass"}', usage=(100, 10))
    result = project.run("--llm-judge-model=judge", "--llm-report=out.json")
    result.assert_outcomes(passed=6)
    models = json.loads((project.pytester.path / "out.json").read_text())["models"]
    assert [model["judge_cost_usd"] for model in models] == ["0.00033", "0.00033"]
    # both models say the same of order A-17, which is judged once
    assert sum(call.body["model"] == "judge" for call in project.server.calls) == 5


def test_a_project_without_evals_pays_nothing(project: Project) -> None:
    """Without eval files and models the plugin imports no client, opens no socket and writes no file."""
    for path in (project.pytester.path / "evals").iterdir():
        path.unlink()
    project.write(
        "test_plain.py",
        """
import sys

def test_nothing_heavy():
    heavy = {"openai", "pydantic", "yaml", "jsonschema", "genai_prices", "aiohttp", "httpx2"}
    assert not heavy & set(sys.modules)
    ours = {name for name in sys.modules if name.startswith("pytest_llmupgrade")}
    assert "pytest_llmupgrade.model" not in ours and "pytest_llmupgrade.plugin.reporting" not in ours
""",
    )
    project.models = None
    before = {path.name for path in project.pytester.path.iterdir()}
    result = project.apart("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:anyio")
    result.assert_outcomes(passed=1)
    after = {path.name for path in project.pytester.path.iterdir()}
    assert after - before <= {"__pycache__", "runpytest-0", "runpytest-current", "stdout", "stderr"}


def test_without_evals_the_settings_are_not_read(project: Project) -> None:
    """With workers, too, a run that has no eval files does not fail on settings that only they need."""
    (project.pytester.path / "evals/eval_support.yaml").unlink()
    project.write("pyproject.toml", "[tool.llmupgrade.judge]\nmodle = 'x'\n")
    project.write("test_own.py", "def test_own(): pass\n")
    project.models, project.fail_on = None, None
    assert project.run("-n2", "-q").ret == 0

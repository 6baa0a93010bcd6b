"""A project's own function in place of the bare model, run ahead of the items that share it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

MANY = "judge: contains\ncases:\n" + "\n".join(
    f"  - {{id: case-{n}, input: 'Question {n}: where is order A-17?', expected: A-17}}" for n in range(20)
)
CONFTEST = """
import asyncio
import threading
import pytest
from openai import AsyncOpenAI, OpenAI

@pytest.fixture(scope="{scope}")
def llm_target():
    {body}
    return run
"""
TARGETS = {
    "through llm": "def run(case, llm):\n        return llm(case.messages)",
    "own client": (
        "client = OpenAI()\n    def run(case, llm):\n"
        "        return client.chat.completions.create(model=llm.model, messages=list(case.messages))"
    ),
    "own async client": (
        "client = AsyncOpenAI()\n    async def run(case, llm):\n"
        "        return await client.chat.completions.create(model=llm.model, messages=list(case.messages))"
    ),
}


def write(project: Project, target: str, scope: str = "session") -> None:
    """Give a project of 20 cases a target."""
    project.write("evals/eval_support.yaml", MANY)
    project.write("conftest.py", CONFTEST.format(scope=scope, body=target))


def report_of(project: Project) -> Any:
    """Return the JSON report of the last run."""
    return json.loads((project.pytester.path / "out.json").read_text())


@pytest.mark.parametrize("name", TARGETS)
def test_targets_run_ahead(project: Project, name: str) -> None:
    """A target that the session shares is called for later items while one still waits; each call is made once."""
    write(project, TARGETS[name])
    project.server.hang(contains="Question 1:", model="old")

    def release_when_eight_came(_: Any) -> None:
        if len(project.server.calls) > 8:
            project.server.release()

    project.server.when(release_when_eight_came, model="new")
    run = project.apart if "client" in name else project.run  # a client's end is its process's
    run("--llm-concurrency=8", "--llm-report=out.json").assert_outcomes(passed=40)
    assert len(project.server.calls) == 40
    assert [model["tokens"]["input"] for model in report_of(project)["models"]] == [200, 200]


@pytest.mark.parametrize(
    ("name", "scope", "flags"),
    [
        ("through llm", "session", ("-n2",)),
        ("own async client", "session", ("-n2",)),
        ("through llm", "function", ()),
        ("own async client", "function", ()),
    ],
)
def test_each_target_is_called_once(project: Project, name: str, scope: str, flags: tuple[str, ...]) -> None:
    """Whatever its scope and whoever runs it, a target is called once for each item and model."""
    write(project, TARGETS[name], scope)
    run = project.apart if "client" in name else project.run
    run(*flags).assert_outcomes(passed=40)
    assert len(project.server.calls) == 40


def test_a_target_of_a_test_runs_in_its_turn(project: Project) -> None:
    """What a fixture of a narrower scope is, is not known ahead: its target runs when its item does, one at a time."""
    write(project, TARGETS["own client"], "function")
    project.apart().assert_outcomes(passed=40)
    assert project.server.max_in_flight == 1


def test_one_that_raises_costs_its_item_only(project: Project) -> None:
    """A target that raises ahead of its item makes that item an error, and no other."""
    body = "def run(case, llm):\n        return 'A-17' if case.id != 'case-7' else 1 / 0"
    write(project, body)
    result = project.run()
    result.assert_outcomes(passed=38, errors=2)
    result.stdout.fnmatch_lines(["llm_target raised ZeroDivisionError: division by zero"])


def test_a_forgotten_return_is_told(project: Project) -> None:
    """A fixture that forgets to return its function is an error: the bare model must not pass in its place."""
    write(project, "def run(case, llm):\n        return 'A-17'")
    conftest = project.pytester.path / "conftest.py"
    conftest.write_text(conftest.read_text().replace("    return run\n", ""))
    result = project.run("-k", "case-3 or case-4")
    result.assert_outcomes(errors=4, deselected=36)
    result.stdout.fnmatch_lines(["llm_target in conftest.py returned None: return the function"])
    assert not project.server.calls


@pytest.mark.parametrize(
    ("value", "what"),
    [("None", "None"), ("5", "a value of type int"), ("{'text': 'A-17'}", "a value of type dict")],
)
def test_what_is_no_answer_is_told(project: Project, value: str, what: str) -> None:
    """A target that returns something else than an answer is told by its name, with what to return."""
    write(project, f"def run(case, llm):\n        return {value}")
    result = project.run("-k", "case-3")
    result.assert_outcomes(errors=2, deselected=38)
    result.stdout.fnmatch_lines(
        [f"llm_target returned {what}; return a text, a Completion or what the openai client returned"]
    )


def test_exitfirst_leaves_the_rest(project: Project) -> None:
    """-x ends the run although targets hang ahead of it."""
    body = (
        "async def run(case, llm):\n        if case.id not in ('case-0', 'case-1'):\n"
        "            await asyncio.Event().wait()\n        return 'no idea' if case.id == 'case-1' else 'A-17'"
    )
    write(project, body)
    project.run("-x").assert_outcomes(passed=2, failed=1)


def test_nothing_is_run_for_what_is_skipped(project: Project) -> None:
    """A target is not called for deselected cases, nor where nothing shall be called."""
    write(project, TARGETS["own client"])
    project.apart("-k", "case-3")
    assert len(project.server.calls) == 2
    project.run("--co")
    assert len(project.server.calls) == 2


def test_repeats_and_reruns(project: Project) -> None:
    """Each repeat calls the target, ahead of its item; a rerun calls it again."""
    body = (
        "seen = []\n    def run(case, llm):\n        seen.append(case.id)\n"
        "        return 'A-17' if case.id != 'case-5' or len([s for s in seen if s == 'case-5']) > 2 else 'no'"
    )
    write(project, body)
    project.models = "old"
    result = project.run("--llm-repeat=2", "--reruns=1")
    result.assert_outcomes(passed=20)
    assert result.parseoutcomes()["rerun"] == 1

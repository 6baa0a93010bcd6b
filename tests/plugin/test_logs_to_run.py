"""From a production log to a comparison in which nobody serves the incumbent any more."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.model import ModelSpec
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.run.plan import request_for
from tests.logs.test_golden import CASES, SOURCES
from tests.wire import Said

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Case
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

SYSTEM = {"role": "system", "content": "You are the desk of Nordic Shop."}
LOOKUP = {"function": {"name": "lookup", "arguments": '{"order": "A-17"}'}}
TOOLS = [{"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}]
CANDIDATE = """
[tool.llmupgrade.models.new]
base_url = "{}"
api_key_env = "NEW_KEY"
price = {{ input = 1.0, output = 1.0 }}
"""


NEW = ModelSpec(name="new", wire_name="new")


def asked(body: object) -> str:
    """Return a request's body as a text that equal bodies share."""
    return json.dumps(body, sort_keys=True)


def said(case: Case) -> Said:
    """Return what production answered."""
    if isinstance(case.expected, str):
        return Said(text=case.expected, usage=(10, 2))
    wanted: Any = case.judges[0].options["expected"]
    return Said(tool_calls=tuple((one["name"], one.get("arguments", {})) for one in wanted), usage=(10, 2))


def row(question: str, answer: str, model: str = "gpt-3.5-turbo-0125", **fields: Any) -> dict[str, Any]:
    """Return a record of the log."""
    return {
        "messages": [SYSTEM, {"role": "user", "content": question}],
        "assistant_response": answer,
        "model": model,
        "usage": {"prompt_tokens": 40, "completion_tokens": 8},
        "latency_ms": 700,
        **fields,
    }


@pytest.fixture
def logged(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project whose suite and snapshot come from a log; only the candidate has a key."""
    rows = [
        row("How long do I have to return shoes?", "You have 30 days."),
        row("Is a refund in cash possible?", "{{ yes }}, in cash"),
        row("Find order A-17", "", tool_calls=[LOOKUP], tools=TOOLS, latency_ms=None),
        row("Who are you?", "gpt-4o.", model="gpt-4o"),
    ]
    project.write("log.jsonl", "".join(json.dumps(one) + "\n" for one in rows))
    project.write("pyproject.toml", CANDIDATE.format(project.server.base_url))
    (project.pytester.path / "evals" / "eval_support.yaml").unlink()
    monkeypatch.setenv("NEW_KEY", os.environ["OPENAI_API_KEY"])
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    project.models = "gpt-3.5-turbo,new"
    made = ["cases", "log.jsonl", "-o", "evals/eval_desk.yaml", "--judge", "similarity"]
    assert main([*made, "--snapshot-model", "gpt-3.5-turbo"]) == 0
    return project


def test_a_retired_incumbent_stands_in_by_its_logged_answers(logged: Project) -> None:
    """The logged answers are the incumbent's, with their tokens, their time and their price; only the candidate is called."""
    logged.server.reply(model="new", contains="A-17", text=None, tool_calls=(("lookup", {"order": "A-17"}),))
    logged.fail_on = None
    result = logged.run("evals/eval_desk.yaml", "--llm-report=out.json", "-p", "no:cacheprovider")
    report = json.loads((logged.pytester.path / "out.json").read_text())
    old, new = report["models"]
    assert (old["passed"], old["missed"], old["errored"]) == (3, 0, 0)
    assert old["tokens"]["input"] == 120
    assert old["latency_ms"]["p50"] == 700
    assert float(old["cost_usd"]) > 0
    logged_ms = {case.get("latency_ms") for case in report["cases"] if case["model"] == "gpt-3.5-turbo"}
    assert logged_ms == {700, None}
    assert new["errored"] == 0
    broke = report["comparisons"][0]["broke"]
    assert sorted(name.partition("::")[2].rpartition("-")[0] for name in broke) == [
        "how-long-do-i-have-to-return-shoes",
        "is-a-refund-in-cash-possible",
    ]
    assert {call.model for call in logged.server.calls} == {"new"}
    assert {case["answer"] for case in report["cases"] if case["model"] == "gpt-3.5-turbo"} >= {
        "{{ yes }}, in cash"
    }
    result.assert_outcomes(passed=4, failed=2)


def test_every_format_runs(project: Project) -> None:
    """Cases out of every format's log run: a server that answers as production did passes them all."""
    shutil.copytree(SOURCES, project.pytester.path, dirs_exist_ok=True)
    (project.pytester.path / "evals" / "eval_support.yaml").unlink()
    answers: dict[str, Said] = {}
    for name, (arguments, _count) in CASES.items():
        made = project.pytester.path / "evals" / f"eval_{name}.yaml"
        assert main(["cases", *arguments, "-o", str(made), "--judge", "similarity"]) == 0
        answers.update(
            {asked(request_for(case, NEW).body): said(case) for case in load_suite(made, file=name)}
        )
    project.server.when(lambda call: answers[asked(call.body)])
    project.models = "new"
    result = project.run("evals", "-n0")
    result.assert_outcomes(passed=sum(count for _arguments, count in CASES.values()))

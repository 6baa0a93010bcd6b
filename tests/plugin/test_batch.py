"""`--llm-batch`: the calls of a run by the provider's Batch API."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.batches import Batches

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Project
    from tests.wire import Call

pytestmark = pytest.mark.usefixtures("inside")

MANY = "judge: contains\ncases:\n" + "\n".join(
    f"  - {{id: case-{n}, input: 'Question {n}: where is order A-17?', expected: A-17}}" for n in range(10)
)
PRICES = "\n".join(
    f'[tool.llmupgrade.models."{name}"]\nprice = {{input = 1000, output = 1000, batch = 0.5}}'
    for name in ("old", "new")
)


@pytest.fixture
def many(project: Project) -> Project:
    """Return a project with 10 cases that both models pass, and prices."""
    project.write("evals/eval_support.yaml", MANY)
    project.write("pyproject.toml", PRICES)
    return project


@pytest.fixture
def batches(many: Project) -> Batches:
    """Give the server a Batch API."""
    made = Batches(many.server)
    many.server.when(made.rule)
    return made


def live(project: Project) -> list[Call]:
    """Return the calls that were made one by one."""
    return [call for call in project.server.calls if call.path.endswith(("/completions", "/responses"))]


def report_of(project: Project) -> Any:
    """Return the JSON report of the last run."""
    return json.loads((project.pytester.path / "out.json").read_text())


def test_a_run_by_batch(many: Project, batches: Batches) -> None:
    """Each model's calls go out as one batch at its price; one call of each kind goes ahead, to see what it takes."""
    result = many.run("--llm-batch", "--llm-report=out.json")
    result.assert_outcomes(passed=20)
    assert sorted(len(lines) for lines in batches.handed_in) == [9, 9]
    assert len(live(many)) == 2
    result.stdout.fnmatch_lines(["*18 answers by batch, $0.11 at its price*"])
    report = report_of(many)
    assert [model["cost_usd"] for model in report["models"]] == ["0.0660", "0.0660"]  # 1 x 0.012 + 9 x 0.006
    assert [model["latency_ms"]["p50"] is not None for model in report["models"]] == [True, True]
    assert (report["calls"]["live"], report["calls"]["stored"]) == (20, 0)


def test_a_second_run_asks_nothing(many: Project, batches: Batches) -> None:
    """What came by batch is stored, priced as batch, and asked for no more."""
    many.run("--llm-batch")
    many.server.calls.clear()
    many.run("--llm-report=out.json").assert_outcomes(passed=20)
    assert not many.server.calls
    assert report_of(many)["models"][0]["cost_usd"] == "0.0660"


STOPPABLE = """\
import os, pathlib, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with Ctrl-C ignored
pathlib.Path("pid").write_text(str(os.getpid()))
"""


def stops(project: Project, with_signal: int) -> Callable[[], None]:
    """Return what sends a signal to the project's run that has `-p stoppable`."""
    project.write("stoppable.py", STOPPABLE)
    return lambda: os.kill(int((project.pytester.path / "pid").read_text()), with_signal)


def test_a_run_that_stops_waiting_is_resumed(many: Project, batches: Batches) -> None:
    """After Ctrl-C the batches go on, and the next run with the flag fetches them and makes none anew."""
    batches.polls, batches.on_poll = 1_000, stops(many, signal.SIGINT)
    many.apart("-p", "stoppable", "--llm-batch").stdout.fnmatch_lines(
        ["*the batches go on at the provider; the same command fetches them*"]
    )
    batches.polls, batches.on_poll = 1, lambda: None
    told = many.run("-k", "case-0")
    told.stdout.fnmatch_lines(
        ["*18 calls handed in as a batch and not fetched yet: --llm-batch fetches them*"]
    )
    many.run("--llm-batch").assert_outcomes(passed=20)
    assert len(batches.handed_in) == 2
    assert len(live(many)) == 2


def test_a_run_killed_while_it_hands_in(many: Project, batches: Batches) -> None:
    """A run that is killed before it hears its batch's name finds that batch again, and pays for nothing twice."""
    batches.on_made = stops(many, signal.SIGKILL)
    many.apart("-p", "stoppable", "--llm-batch")
    batches.on_made = lambda: None
    many.run("--llm-batch").assert_outcomes(passed=20)
    assert sorted(len(lines) for lines in batches.handed_in) == [9, 9]
    assert len(live(many)) == 2


def test_a_deadline_ends_the_waiting(many: Project, batches: Batches) -> None:
    """--llm-deadline ends the waiting, too: what the batches have not brought is an error, not a call."""
    batches.polls = 1_000
    result = many.run("--llm-batch", "--llm-deadline=3")
    result.stdout.fnmatch_lines(["*not waited for the batches any longer; the same command fetches them*"])
    result.assert_outcomes(passed=2, errors=18)
    assert len(live(many)) == 2


def test_single_failures_are_retried_live(many: Project, batches: Batches) -> None:
    """A call that the batch could not answer is made live."""
    many.server.fail(500, contains="Question 7:", times=2)
    many.run("--llm-batch").assert_outcomes(passed=20)
    assert sorted(call.last[:11] for call in live(many)) == ["Question 0:"] * 2 + ["Question 7:"] * 2


def test_an_expired_batch_is_handed_in_again(many: Project, batches: Batches) -> None:
    """What an expired batch left unanswered goes into another one."""
    batches.status, batches.answered = "expired", 5
    many.run("--llm-batch").assert_outcomes(passed=20)
    assert sorted(len(lines) for lines in batches.handed_in) == [4, 4, 9, 9]


def test_judges_go_by_batch_too(many: Project, batches: Batches) -> None:
    """What `llm_judge` asks about the answers goes out as a second batch."""
    many.write(
        "pyproject.toml", PRICES + '\n[tool.llmupgrade.models."judge"]\nprice = {input = 1, output = 1}\n'
    )
    suite = many.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: llm_judge"))
    many.server.reply(model="old", text="one way")
    many.server.reply(model="judge", text='{"reason": "fine", "verdict": "pass"}')
    many.run("--llm-batch", "--llm-judge-model=judge").assert_outcomes(passed=20)
    assert sorted(len(lines) for lines in batches.handed_in) == [9, 9, 19]
    assert len(live(many)) == 3


def test_refused_parameters_are_left_out(many: Project, batches: Batches) -> None:
    """What the first call of a model learns holds for its batch."""
    many.write("evals/eval_support.yaml", f"params: {{temperature: 0}}\n{MANY}")

    def refuses(call: Call) -> Any:
        if call.body.get("temperature") is None:
            return None
        message = (
            "Unsupported value: 'temperature' does not support 0 with this model. "
            "Only the default (1) value is supported."
        )
        return many.server.error(400, message, param="temperature", code="unsupported_value")

    many.server.when(refuses, model="new")
    many.server.when(batches.rule)
    many.run("--llm-batch").assert_outcomes(passed=20)
    sent = {
        line["body"]["model"]: "temperature" in line["body"] for lines in batches.handed_in for line in lines
    }
    assert sent == {"old": True, "new": False}


def test_responses_go_by_batch(many: Project, batches: Batches) -> None:
    """Models of the Responses API have batches of that API."""
    many.write("pyproject.toml", '[tool.llmupgrade.models."old"]\napi = "responses"\n')
    many.run("--llm-batch").assert_outcomes(passed=20)
    assert {batch["endpoint"] for batch in batches.batches.values()} == {
        "/v1/responses",
        "/v1/chat/completions",
    }


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("-n2",), "--llm-batch waits for one answer to all calls; leave out -n"),
        (("--llm-budget=1",), "--llm-batch cannot be stopped by --llm-budget*"),
    ],
)
def test_what_it_does_not_go_with(
    many: Project, batches: Batches, flags: tuple[str, ...], words: str
) -> None:
    """Flags that a batch cannot keep to are refused, and nothing is called."""
    result = many.run("--llm-batch", *flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {words}"])
    assert not many.server.calls


def test_a_provider_without_batches(many: Project, batches: Batches) -> None:
    """Where there is no Batch API, one line says so, and nothing is paid at the full price instead."""
    batches.refuse = True
    result = many.run("--llm-batch")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --llm-batch: *base_url right?*"])
    assert len(live(many)) == 2


def test_a_batch_that_fails_as_a_whole(many: Project, batches: Batches) -> None:
    """A batch that the provider refuses is told of in its words, and forgotten, so that the next run is not stuck."""
    batches.status = "failed"
    result = many.run("--llm-batch")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --llm-batch: *'failed' without an answer: line 1 is wrong; *"])
    batches.status = "completed"
    many.run("--llm-batch").assert_outcomes(passed=20)

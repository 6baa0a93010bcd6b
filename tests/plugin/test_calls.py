"""Calls of a whole run: ahead of their items, each once, within limits, kept for the next run."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.store import Store

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

MANY = "judge: contains\ncases:\n" + "\n".join(
    f"  - {{id: case-{n}, input: 'Question {n}: where is order A-17?', expected: A-17}}" for n in range(40)
)
PRICES = "\n".join(
    f'[tool.llmupgrade.models."{name}"]\nprice = {{input = 1, output = 1}}' for name in ("old", "new")
)


@pytest.fixture
def many(project: Project) -> Project:
    """Return a project with 40 cases that both models pass."""
    project.write("evals/eval_support.yaml", MANY)
    return project


def report_of(project: Project) -> Any:
    """Return the JSON report of the last run."""
    return json.loads((project.pytester.path / "out.json").read_text())


def test_calls_run_ahead(many: Project) -> None:
    """Calls of later items are made while the first one still waits, as many at once as the flag allows."""
    many.server.hang(contains="Question 0:", model="old")

    def release_when_eight_came(_: Any) -> None:
        if len(many.server.calls) > 8:
            many.server.release()

    many.server.when(release_when_eight_came, model="new")
    many.run("--llm-concurrency=8").assert_outcomes(passed=80)
    assert len(many.server.calls) == 80


def test_concurrency_is_a_limit_for_each_model(many: Project) -> None:
    """--llm-concurrency=1 has one call in flight for each model and no more."""
    many.run("--llm-concurrency=1").assert_outcomes(passed=80)
    assert many.server.max_in_flight <= 2


def test_a_model_may_have_its_own_limit(many: Project) -> None:
    """`concurrency` in a model's table wins over the run's."""
    tables = (f'[tool.llmupgrade.models."{name}"]\nconcurrency = 1\n' for name in ("old", "new"))
    many.write("pyproject.toml", "".join(tables))
    many.run("--llm-concurrency=30").assert_outcomes(passed=80)
    assert many.server.max_in_flight <= 2


def test_nothing_is_asked_twice(project: Project, distribution: tuple[str, ...]) -> None:
    """A second run takes every answer from the store, with the same report."""
    project.run("--llm-report=out.json")
    first, calls = report_of(project), len(project.server.calls)
    again = project.run("--llm-report=out.json", *distribution)
    assert len(project.server.calls) == calls == 6
    second = report_of(project)
    assert [model["passed"] for model in second["models"]] == [model["passed"] for model in first["models"]]
    assert second["models"][0]["latency_ms"] == first["models"][0]["latency_ms"]
    assert again.ret == 1
    assert {case["origin"] for case in second["cases"]} == {"stored"}


def test_fresh_asks_anew_and_keeps_the_answers(project: Project) -> None:
    """--llm-fresh calls although the store has answers, and the next run finds the new ones."""
    project.run()
    project.run("--llm-fresh")
    assert len(project.server.calls) == 12
    project.run().stdout.fnmatch_lines(["calls: 0 made in this run · 6 from the store"])


def test_a_changed_question_is_asked(project: Project) -> None:
    """Only the cases whose request changed are called again."""
    project.run()
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("return shoes?", "return my shoes?"))
    project.run()
    assert len(project.server.calls) == 8


def test_the_store_may_lie_elsewhere(project: Project) -> None:
    """--llm-store names the file, relative to where pytest was started."""
    project.run("--llm-store=kept/answers.db")
    with sqlite3.connect(project.pytester.path / "kept/answers.db") as store:
        assert store.execute("select count(*) from answers").fetchone() == (6,)


@pytest.mark.parametrize("flags", [(), ("-p", "no:cacheprovider")])
def test_no_key_reaches_the_store(project: Project, flags: tuple[str, ...]) -> None:
    """The store holds no key, with and without pytest's cache plugin, and however it is packed."""
    project.run(*flags)
    key = os.environ["OPENAI_API_KEY"].encode()
    kept = [path for path in project.pytester.path.rglob("answers.sqlite3*") if path.is_file()]
    assert kept
    assert not any(key in path.read_bytes() for path in kept)


def test_a_foreign_store_is_set_aside(project: Project) -> None:
    """A file that is no store of ours is kept under another name, and the run says so and goes on."""
    project.write("mine.db", b"holiday pictures")
    result = project.run("--llm-store=mine.db")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*mine.db*"])
    assert b"holiday pictures" in [p.read_bytes() for p in project.pytester.path.glob("mine.db*")]


@pytest.mark.parametrize("given", ["", ".", "evals"])
def test_a_store_is_no_folder(project: Project, given: str) -> None:
    """A folder in place of the store's file is a usage error that shows an example, before any call."""
    result = project.run(f"--llm-store={given}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [f"ERROR: --llm-store={given}: * is a folder; name a file, such as --llm-store=*answers.sqlite3"]
    )
    assert not project.server.calls


def test_listing_calls_nothing(project: Project) -> None:
    """--co makes no call and no store."""
    project.run("--co")
    assert not project.server.calls
    assert not list(project.pytester.path.rglob("answers.sqlite3"))


def test_deselected_and_skipped_items_are_not_called(project: Project) -> None:
    """Neither -k nor a skip rule leaves a call behind."""
    suite = project.pytester.path / "evals/eval_support.yaml"
    text = suite.read_text().replace("expected: cash", "expected: cash\n    models: {new: {skip: not yet}}")
    suite.write_text(text)
    project.run("-k", "refund-b or order-status").assert_outcomes(passed=2, failed=1, skipped=1, deselected=2)
    assert len(project.server.calls) == 3


def test_exitfirst_gives_up_what_is_pending(many: Project, distribution: tuple[str, ...]) -> None:
    """-x ends the run at once, although all other calls hang, and keeps what arrived."""
    many.server.hang()
    many.server.reply(contains="Question 0:", text="no idea")
    result = many.run("-x", "--llm-store=answers", *distribution)
    many.server.release()
    assert result.parseoutcomes()["failed"] == 1
    store = Store.open(many.pytester.path / "answers")
    assert {one.completion.text for one in store.answers()} == {"no idea"}
    store.close()


@pytest.mark.parametrize(
    ("workers", "mode"),
    [("-n2", "load"), ("-n2", "loadscope"), ("-n2", "loadfile"), ("-n2", "worksteal"), ("-n4", "load")],
)
def test_workers_make_each_call_once(many: Project, workers: str, mode: str) -> None:
    """All workers together make each call once, ahead of the items, however xdist hands these out."""
    many.server.hang()

    def release_when_nine_wait(_: Any) -> None:
        if len(many.server.calls) > 8:  # four workers that ask one by one would wait forever with four
            many.server.release()

    many.server.when(release_when_nine_wait)
    many.run(workers, f"--dist={mode}", "--llm-concurrency=8", "--llm-report=out.json").assert_outcomes(
        passed=80
    )
    assert len(many.server.calls) == 80
    assert report_of(many)["calls"]["live"] == 80


def test_workers_judge_ahead(many: Project) -> None:
    """Under xdist the judge is asked as soon as an answer is there, too, once for each answer."""
    many.write(
        "evals/eval_support.yaml", MANY.replace("judge: contains", "judge: {llm_judge: {criteria: polite}}")
    )
    many.server.reply(model="judge", text='{"reason": "fine", "verdict": "pass"}')
    many.run("-n2", "--llm-judge-model=judge").assert_outcomes(passed=80)
    assert sum(call.body["model"] == "judge" for call in many.server.calls) == 40
    assert len(many.server.calls) == 120


def test_a_killed_worker_costs_its_item_only(many: Project) -> None:
    """A worker that dies by kill -9 in mid-run errors one item; the others finish, and no call is made twice."""
    many.write(
        "conftest.py",
        "import os, signal, pathlib\n"
        "def pytest_runtest_teardown(item):\n"
        "    if 'case-7[' in item.name and not pathlib.Path('died').exists():\n"
        "        pathlib.Path('died').touch()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    result = many.run("-n2", "--llm-report=out.json")
    assert result.ret == 1
    outcomes = [case["outcome"] for case in report_of(many)["cases"]]
    assert (outcomes.count("passed"), outcomes.count("errored")) in ((79, 1), (80, 0))
    assert len(many.server.calls) == 80


OTHER_HOST = """\
#!/bin/sh
exec unshare -n sh -c 'ip link set lo up && python=$0 && { "$python" server.py & } && exec "$python" "$@"' PYTHON "$@"
"""
SERVER = """\
import ctypes, http.server, json
ctypes.CDLL(None).prctl(1, 9)  # end with the worker that started it
ANSWER = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A-17, says the other host"}}]}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
"""


@pytest.fixture
def two_hosts(many: Project) -> tuple[str, ...]:
    """Return flags for one worker here and one in a network of its own, where a server has the same address."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-n", "ip", "link"], check=False).returncode:  # noqa: S603  a tool of the system
        pytest.skip("no network namespaces here")
    many.write("other_host", OTHER_HOST.replace("PYTHON", sys.executable)).chmod(0o755)
    many.write("server.py", SERVER.replace("PORT", str(many.server.port)))
    return (
        "-p",
        "no:rerunfailures",
        "-d",
        "--tx=popen",
        f"--tx=popen//python={many.pytester.path / 'other_host'}",
    )


def test_a_worker_on_another_host_calls_by_itself(many: Project, two_hosts: tuple[str, ...]) -> None:
    """What the worker of another host calls is counted, and the report is whole."""
    many.apart(*two_hosts, "--llm-report=out.json").assert_outcomes(passed=80)
    report = report_of(many)
    answers = [case["answer"] for case in report["cases"]]
    assert 0 < answers.count("A-17, says the other host") < 80
    assert report["calls"]["live"] >= 80


def test_a_worker_on_another_host_keeps_to_no_budget_and_says_so(
    many: Project, two_hosts: tuple[str, ...]
) -> None:
    """With a cap that it cannot keep, a worker sends nothing; the others go on."""
    many.write("pyproject.toml", PRICES)
    many.apart(*two_hosts, "--llm-budget=1", "--llm-report=out.json")
    errors = {case["error"]["message"] for case in report_of(many)["cases"] if case.get("error")}
    assert len(errors) == 1
    assert "leave out one of the two" in errors.pop()


def test_a_budget_is_a_hard_cap(many: Project, distribution: tuple[str, ...]) -> None:
    """--llm-budget stops the calls once the money is spent; the rest is errored and says so."""
    many.write("pyproject.toml", PRICES)
    result = many.run("--llm-budget=0.0001", "--llm-concurrency=2", "--llm-report=out.json", *distribution)
    assert result.ret == 1
    report = report_of(many)
    assert {case["error"]["kind"] for case in report["cases"] if case.get("error")} == {"budget"}
    assert len(many.server.calls) <= 9 + 4  # twelve tokens at a dollar a million, and what was in flight
    assert report["calls"]["budget_usd"] == "0.0001"
    result.stdout.fnmatch_lines(["*the budget of $0.0001 is spent: no more calls are sent*"])


def test_a_budget_needs_prices(project: Project) -> None:
    """A cap on unknown costs would cap nothing: the run ends before the first call and says what to set."""
    result = project.run("--llm-budget=1")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --llm-budget: no price is known of old, new; set price = *"])
    assert not project.server.calls


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("--llm-budget=much", "finite"),
        ("--llm-budget=inf", "finite"),
        ("--llm-concurrency=0", "whole"),
        ("--llm-concurrency=1.5", "whole"),
        ("--llm-deadline=nan", "finite"),
    ],
)
def test_numbers_are_checked(project: Project, flag: str, kind: str) -> None:
    """A number that is none, not above 0, or not of the kind that is wanted, is a usage error that shows an example."""
    result = project.run(flag)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {flag}: give a {kind} number above 0, such as --llm-*"])


def test_a_deadline_ends_the_calls(project: Project) -> None:
    """--llm-deadline cancels what hangs; those items are errored, the run ends."""
    project.server.hang(contains="cash")
    project.run("--llm-deadline=1", "--llm-report=out.json")
    project.server.release()
    hung = [case for case in report_of(project)["cases"] if case["id"].endswith("refund-b")]
    assert [case["error"]["kind"] for case in hung] == ["cancelled", "cancelled"]


def test_a_refused_parameter_is_refused_once(project: Project) -> None:
    """What a model refuses is learnt by one call, and the next run knows it from the store."""
    text = (project.pytester.path / "evals/eval_support.yaml").read_text()
    project.write("evals/eval_support.yaml", f"params: {{temperature: 0}}\n{text}")
    message = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported."
    project.server.when(lambda call: _refused(message) if "temperature" in call.body else None, model="new")
    project.run("--llm-report=out.json")
    assert (
        sum("temperature" in call.body for call in project.server.calls if call.body["model"] == "new") == 1
    )
    project.run("--llm-fresh", "--llm-report=out.json")
    assert (
        sum("temperature" in call.body for call in project.server.calls if call.body["model"] == "new") == 1
    )
    assert report_of(project)["models"][1]["adapted"] == [
        "temperature dropped (only the default is accepted)"
    ]


def _refused(message: str) -> Any:
    from tests.wire import Raw, error_body

    body = error_body(message, code="unsupported_value", param="temperature")
    return Raw(status=400, body=json.dumps(body).encode())


def test_what_a_judge_refuses_is_refused_once_and_said(project: Project) -> None:
    """A judge's model is adapted to like any other, by one refused call, and the report names what was changed."""
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: llm_judge"))
    project.write("pyproject.toml", "[tool.llmupgrade.models.judge]\nparams = {temperature = 0}\n")
    project.server.reply(model="judge", text='{"reason": "fine", "verdict": "pass"}')
    message = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported."
    project.server.when(lambda call: _refused(message) if "temperature" in call.body else None, model="judge")
    result = project.run("--llm-judge-model=judge", "--llm-report=out.md")
    result.assert_outcomes(passed=6)
    assert sum("temperature" in call.body for call in project.server.calls) == 1
    words = "judge: temperature dropped (only the default is accepted)"
    result.stdout.fnmatch_lines([words])
    assert "judge: temperature dropped" in (project.pytester.path / "out.md").read_text()


def test_judges_are_asked_ahead(many: Project) -> None:
    """llm_judge's calls start when the answer is there: they are made although the first item still waits."""
    many.write("evals/eval_support.yaml", MANY.replace("judge: contains", "judge: llm_judge"))
    many.server.reply(model="judge", text='{"reason": "fine", "verdict": "pass"}')
    many.server.hang(contains="Question 0:", model="old")

    def release_after_judging(call: Any) -> None:
        if sum(each.body["model"] == "judge" for each in many.server.calls) >= 10:
            many.server.release()

    many.server.when(release_after_judging, model="judge")
    many.run("--llm-judge-model=judge").assert_outcomes(passed=80)


def test_a_changed_request_falls_back_to_demand(project: Project) -> None:
    """A project's own target asks on demand, and nothing is prefetched in its place."""
    project.write(
        "evals/conftest.py",
        "import pytest\n@pytest.fixture\ndef llm_target():\n    return lambda case, llm: llm('Where is order A-17?')\n",
    )
    project.run()
    assert len(project.server.calls) == 2  # the same question for each of the three cases


def test_reruns_ask_again(project: Project) -> None:
    """A rerun of a missed item is a new call, not the stored answer."""
    project.server.reply(contains="cash", text="Yes, in cash.")
    project.server.reply(contains="cash", model="old", text="Not sure.", times=1)
    project.run("--reruns=2", "-k", "refund-b").assert_outcomes(passed=2)

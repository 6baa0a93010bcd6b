from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.deadlines.retired import gone_models
from pytest_llmupgrade.settings import Settings
from pytest_llmupgrade.snapshots.files import read_entries, split_text

if TYPE_CHECKING:
    from pytest_llmupgrade.snapshots.entry import Entry
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

SYSTEM = """\
judge: contains
cases:
  - id: refund-a
    messages: [{role: system, content: PROMPT}, {role: user, content: How long to return shoes?}]
    expected: 30 days
  - id: refund-b
    messages: [{role: system, content: Be brief.}, {role: user, content: Where is order A-17?}]
    expected: A-17
"""


def snapshot(project: Project, model: str, suite: str = "eval_support") -> Path:
    """Return the file of a model's snapshots."""
    return project.pytester.path / "evals/__llm_snapshots__" / suite / f"{model}.yaml"


def entries(project: Project, model: str) -> dict[str, Entry]:
    """Return a model's snapshots."""
    return read_entries(snapshot(project, model).read_bytes(), "x")


def offline(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take key and server away."""
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    project.server.calls.clear()


def report(project: Project, *arguments: str) -> dict[str, Any]:
    """Run and return the JSON report."""
    project.run("--llm-report=out.json", *arguments)
    read: dict[str, Any] = json.loads((project.pytester.path / "out.json").read_text())
    return read


@pytest.fixture(autouse=True)
def _with_syrupy(project: Project) -> None:
    """Give the project syrupy, as the extra `snapshots` does."""
    project.with_syrupy()


@pytest.fixture
def recorded(project: Project) -> Project:
    """Return the project after its answers were recorded."""
    project.run("--snapshot-update")
    return project


def test_an_update_records_every_answer(project: Project, distribution: tuple[str, ...]) -> None:
    """--snapshot-update writes one file per suite and model, a case per answer, verdicts included."""
    result = project.run("--snapshot-update", *distribution)
    result.stdout.fnmatch_lines(["*6 snapshots generated.*"])
    old, new = entries(project, "old"), entries(project, "new")
    assert list(old) == list(new) == ["order-status", "refund-a", "refund-b"]
    assert old["refund-a"].verdict == "passed"
    assert old["refund-a"].calls[0].answer == "You have 30 days."
    assert (new["refund-a"].verdict, new["refund-a"].missed) == ("missed", ("contains",))
    assert not list(project.pytester.path.rglob("*.lock"))


def test_a_replay_needs_neither_network_nor_key(
    recorded: Project, monkeypatch: pytest.MonkeyPatch, distribution: tuple[str, ...]
) -> None:
    """--llm-replay gives the same verdicts, answers and comparison without a call."""
    before = report(recorded)
    offline(recorded, monkeypatch)
    result = recorded.run("--llm-replay", "--llm-store=elsewhere", *distribution)
    result.stdout.fnmatch_lines(["*new against old, 3 cases paired*", "*6 snapshots passed.*"])
    after = report(recorded, "--llm-replay", *distribution)
    assert not recorded.server.calls
    assert after["calls"]["replayed"] == 6
    assert after["calls"]["live"] == 0
    keys = ("id", "model", "outcome", "answer", "usage", "judges")
    told = [
        {tuple((key, str(case[key])) for key in keys) for case in one["cases"]} for one in (before, after)
    ]
    assert told[0] == told[1]
    assert after["comparisons"][0]["broke"] == before["comparisons"][0]["broke"]


def test_a_changed_prompt_makes_its_cases_stale_and_no_others(
    project: Project, monkeypatch: pytest.MonkeyPatch, distribution: tuple[str, ...]
) -> None:
    """Replay then fails with one line that names them and the command, which touches only them."""
    project.write("evals/eval_support.yaml", SYSTEM.replace("PROMPT", "Be kind."))
    project.run("--snapshot-update")
    before = snapshot(project, "old").read_text()
    project.write("evals/eval_support.yaml", SYSTEM.replace("PROMPT", "Be rude."))
    with monkeypatch.context() as context:
        offline(project, context)
        result = project.run("--llm-replay", *distribution)
    assert result.ret == 1
    assert result.parseoutcomes()["errors"] == 2
    line = next(line for line in result.outlines if line.startswith("2 without a usable snapshot: "))
    assert line.startswith(
        "2 without a usable snapshot: stale snapshot: prompt has changed since it was recorded: "
    )
    assert {"evals/eval_support.yaml::refund-a[old]", "evals/eval_support.yaml::refund-a[new]"} <= {
        word.strip(",.") for word in line.split()
    }
    assert line.endswith("Renew: pytest --snapshot-update --llm-models=old,new")
    assert not project.server.calls
    project.run("--snapshot-update", "--llm-store=another", *distribution)
    assert {call.model for call in project.server.calls} == {"old", "new"}
    assert len(project.server.calls) == 2
    after = split_text(snapshot(project, "old").read_text())
    assert after.keys() == split_text(before).keys()
    assert {name for name, text in split_text(before).items() if after[name] != text} == {"refund-a"}


def test_a_changed_prompt_of_the_example(project: Project) -> None:
    """One prompt changed in example_suite: replay names its cases alone, and the update's diff touches them alone."""
    root = project.pytester.path
    shutil.rmtree(root / "evals")
    others = shutil.ignore_patterns("eval_t*", "eval_e*", "eval_r*", "from_logs", "rollout", "*.json")
    shutil.copytree(Path(__file__).parents[2] / "example_suite", root, dirs_exist_ok=True, ignore=others)
    project.run("--snapshot-update", "-q")
    files = sorted(root.rglob("__llm_snapshots__/*/*.yaml"))
    before = {path: path.read_bytes() for path in files}
    assert {path.parent.name for path in files} == {"eval_faq", "eval_sentiment"}
    faq = root / "evals/eval_faq.yaml"
    faq.write_text(faq.read_text().replace("Answer in one short sentence.", "Answer in a few words."))
    result = project.run("--llm-replay", "-q")
    cases = len(read_entries(before[snapshot(project, "old", "eval_faq")], "x"))
    line = next(line for line in result.outlines if " without a usable snapshot: " in line)
    assert line.startswith(f"{2 * cases} without a usable snapshot: stale snapshot: prompt has changed since")
    assert line.count("::") == line.count("evals/eval_faq.yaml::") == 5
    assert line.endswith(f" and {2 * cases - 5} more. Renew: pytest --snapshot-update --llm-models=old,new")
    project.run("--snapshot-update", "--llm-accept-regressions", "-q")
    changed = {path for path in files if path.read_bytes() != before[path]}
    assert changed == {snapshot(project, model, "eval_faq") for model in ("old", "new")}


def test_what_was_never_recorded_is_an_error(recorded: Project) -> None:
    """A new case is no snapshot's, and the line says so."""
    suite = recorded.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text() + "  - id: novel\n    input: What?\n    expected: know\n")
    result = recorded.run("--llm-replay")
    result.stdout.fnmatch_lines(["2 without a usable snapshot: no snapshot: it was never recorded: *novel*"])


def test_a_judges_answers_are_recorded_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `llm_judge` was told is replayed; another judge prompt makes it stale."""
    project.write(
        "evals/eval_support.yaml", "judge: llm_judge\ncases:\n  - id: a\n    input: Where is A-17?\n"
    )
    project.server.reply(model="judge", text='{"reason": "it says so", "verdict": "pass"}')
    project.run("--snapshot-update", "--llm-judge-model=judge")
    assert entries(project, "old")["a"].judging[0].answer.startswith('{"reason": "it says so"')
    with monkeypatch.context() as context:
        offline(project, context)
        project.run("--llm-replay", "--llm-judge-model=judge").assert_outcomes(passed=2)
        project.write("pyproject.toml", '[tool.llmupgrade.judge]\nmodel = "judge"\nprompt = "Be strict."\n')
        result = project.run("--llm-replay")
    result.stdout.fnmatch_lines(
        ["2 without a usable snapshot: stale snapshot: the judge's prompt has changed *"]
    )


def test_an_update_that_breaks_a_case_is_refused(recorded: Project, distribution: tuple[str, ...]) -> None:
    """A snapshot that passed is not replaced by one that misses, unless the user accepts that."""
    before = snapshot(recorded, "old").read_text()
    recorded.server.reply(model="old", contains="return shoes", text="You have a week.")
    flags = ("--snapshot-update", "--llm-fresh", *distribution)
    result = recorded.run(*flags)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*1 not updated, for they passed before and miss now: evals/eval_support.yaml::refund-a?old?. Accept: *"
        ]
    )
    assert "You have a week." not in snapshot(recorded, "old").read_text()
    recorded.run(*flags, "--llm-accept-regressions")
    assert "You have a week." in snapshot(recorded, "old").read_text()
    assert before.count("You have 30 days.") == 1


def test_deselected_cases_and_other_models_are_never_pruned(recorded: Project) -> None:
    """An update of some cases on some models leaves the rest as it stands."""
    before = {model: snapshot(recorded, model).read_text() for model in ("old", "new")}
    recorded.models = "old"
    for selection in (("-k", "refund-a"), ("-m", "easy"), ("evals/eval_support.yaml::refund-a[old]",), ()):
        result = recorded.run("--snapshot-update", *selection)
        assert "deleted" not in result.stdout.str()
        assert {model: snapshot(recorded, model).read_text() for model in ("old", "new")} == before
    recorded.run("--snapshot-update", "-k", "refund-a", "-n2")
    assert {model: snapshot(recorded, model).read_text() for model in ("old", "new")} == before


def test_a_gone_case_is_told_of_and_deleted(recorded: Project, distribution: tuple[str, ...]) -> None:
    """A snapshot whose case left the suite is unused: replay fails for it, as syrupy does, and an update deletes it."""
    suite = recorded.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().partition("  - id: order-status")[0])
    result = recorded.run("--llm-replay", *distribution)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*4 snapshots passed. 2 snapshots unused.*"])
    recorded.run("--snapshot-update", *distribution).stdout.fnmatch_lines(["*2 unused snapshots deleted.*"])
    assert list(entries(recorded, "old")) == ["refund-a", "refund-b"]


def test_skipped_cases_keep_their_snapshots(recorded: Project) -> None:
    """A case that is skipped on a model is not unused there."""
    suite = recorded.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text() + "    models: {new: {skip: not now}}\n")
    result = recorded.run("--snapshot-update")
    assert "deleted" not in result.stdout.str()
    assert "order-status" in entries(recorded, "new")


def test_snapshots_of_the_projects_own_tests_are_left_alone(recorded: Project) -> None:
    """Syrupy's own snapshots beside ours are neither unused nor touched, and a run without replay minds neither."""
    recorded.write("evals/test_own.py", "def test_own(snapshot):\n    assert snapshot == 'x'\n")
    recorded.run("--snapshot-update").stdout.fnmatch_lines(["*6 snapshots passed. 1 snapshot generated.*"])
    own = recorded.pytester.path / "evals/__snapshots__/test_own.ambr"
    text = own.read_text()
    recorded.run("--snapshot-update", "evals/eval_support.yaml")
    recorded.run("--llm-replay").stdout.fnmatch_lines(["*7 snapshots passed.*"])
    result = recorded.run()
    result.stdout.fnmatch_lines(["*1 snapshot passed."])
    assert own.read_text() == text


def test_a_retired_model_replays_by_itself(recorded: Project) -> None:
    """A model that the server does not know any more answers from its snapshots; the other one is asked."""
    recorded.server.fail(404, "The model `old` does not exist", code="model_not_found", model="old")
    recorded.server.calls.clear()
    told = report(recorded, "--llm-store=another")
    assert told["comparisons"][0]["paired"] == 3
    assert {case["origin"] for case in told["cases"] if case["model"] == "old"} == {"replayed"}
    assert {case["origin"] for case in told["cases"] if case["model"] == "new"} == {"live"}


def test_a_model_declared_gone_needs_no_key(recorded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`replay = true` takes a model's answers from its snapshots: no call, no key."""
    recorded.write(
        "pyproject.toml",
        '[tool.llmupgrade.models."old"]\nreplay = true\napi_key_env = "GONE"\n',
    )
    monkeypatch.delenv("GONE", raising=False)
    recorded.server.calls.clear()
    told = report(recorded, "--llm-store=another")
    assert {call.model for call in recorded.server.calls} == {"new"}
    assert told["comparisons"][0]["paired"] == 3


def test_a_model_that_is_gone_renews_nothing(recorded: Project) -> None:
    """Where a case of a model that is gone has changed, no command is named that could not help."""
    recorded.write("pyproject.toml", '[tool.llmupgrade.models."old"]\nreplay = true\n')
    recorded.server.fail(404, "The model `old` does not exist", code="model_not_found", model="old")
    suite = recorded.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("Is a refund in cash possible?", "Do you refund in cash?"))
    result = recorded.run()
    line = next(line for line in result.outlines if "without a usable snapshot" in line)
    assert line.startswith("1 without a usable snapshot: stale snapshot: messages have changed")
    assert line.endswith(
        "[old]. old is gone and answers only what was asked then: put the questions back, or compare with a run that "
        "was kept (--llm-baseline)"
    )


def test_a_model_past_its_date_needs_no_key(recorded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose declared shutdown has passed answers from its snapshots, also where its key is gone."""
    recorded.write(
        "pyproject.toml", '[tool.llmupgrade.models."old"]\nretires = 2020-01-01\napi_key_env = "GONE"\n'
    )
    monkeypatch.delenv("GONE", raising=False)
    recorded.server.calls.clear()
    told = report(recorded, "--llm-store=another")
    assert {call.model for call in recorded.server.calls} == {"new"}
    assert told["comparisons"][0]["paired"] == 3


def test_known_dates_count_at_the_makers_own_address() -> None:
    """A model past its dated shutdown is gone at its maker's address, and may live on at any other."""
    gone, lives = Settings().spec("gpt-3.5-turbo-0613"), Settings().spec("gpt-unheard-of")
    gateway = replace(gone, base_url="http://gateway.example/v1")
    declared = replace(lives, replay=True)
    assert gone_models([gone]) == {gone.name}
    assert gone_models([lives, gateway, Settings().spec("local/smollm2-135m")]) == frozenset()
    assert gone_models([declared]) == {lives.name}


def test_the_judge_snapshot(project: Project) -> None:
    """`judge: snapshot` passes on the recorded answer, misses with a diff on another, and is an error without one."""
    project.models = "old"
    project.write("evals/eval_support.yaml", "judge: snapshot\ncases:\n  - id: a\n    input: return shoes?\n")
    result = project.run()
    result.stdout.fnmatch_lines(
        ["*judge 'snapshot': no snapshot of this case; record it: pytest --snapshot-update*"]
    )
    project.run("--snapshot-update").assert_outcomes(passed=1)
    project.run().assert_outcomes(passed=1)
    project.server.reply(model="old", contains="return shoes", text="You have a week.")
    result = project.run("--llm-fresh")
    result.stdout.fnmatch_lines(
        ["*missed snapshot: not the recorded answer", "*-You have 30 days.", "*+You have a week."]
    )


def test_python_tests_take_part(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a Python test asks through `llm` is recorded and replayed."""
    project.write(
        "test_mine.py", "class TestMine:\n    def test_ask(self, llm):\n        assert llm('A-17?').text\n"
    )
    project.run("--snapshot-update", "test_mine.py")
    offline(project, monkeypatch)
    project.run("--llm-replay", "test_mine.py").assert_outcomes(passed=2)
    assert (project.pytester.path / "__llm_snapshots__/test_mine/new.yaml").exists()


def test_a_broken_snapshot_file(recorded: Project) -> None:
    """A file that git left conflicts in is one clear line per case, never a traceback."""
    path = snapshot(recorded, "old")
    path.write_text(path.read_text().replace("\nrefund-a:", "\n<<<<<<< HEAD\nrefund-a:"))
    result = recorded.run("--llm-replay")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*evals/__llm_snapshots__/eval_support/old.yaml:*"])
    assert "Traceback" not in result.stdout.str()


def test_without_syrupy_a_replay_works(recorded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaying needs the files alone; syrupy writes and counts them."""
    offline(recorded, monkeypatch)
    result = recorded.run("--llm-replay", "-p", "no:syrupy")
    assert result.parseoutcomes() == {"passed": 4, "failed": 2}

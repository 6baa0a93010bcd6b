"""rollout.yaml as pytest items, in a real git repository."""

from __future__ import annotations

import json
import shutil
import textwrap
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.decisions.files import write_decision
from pytest_llmupgrade.rollout.state_file import write_state
from pytest_llmupgrade.rollout.states import State
from tests.plugin.repository import Repository, git, new_repository
from tests.rollout.counting import arm_counts, equal, step_counts
from tests.rollout.sinks import write_records
from tests.rollout.test_proof import DECISION, SUITE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = [
    "step",
    "records",
    "duration",
    "traffic",
    "error",
    "slow",
    "bad",
    "cost_usd",
    "evidence",
    "fingerprint",
    "deadline",
]
ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {strategy: {canary: {steps: []}}}\n"


@pytest.fixture
def repository(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository whose base has the rollout at 5 per cent."""
    made = new_repository(pytester, monkeypatch)
    made.rollout(5)
    made.commit("base")
    return made


def outcomes(result: pytest.RunResult) -> dict[str, int]:
    """Return how many items ended how."""
    return {name: count for name, count in result.parseoutcomes().items() if name != "seconds"}


def test_ids(repository: Repository) -> None:
    """Each check of a raise is an item of its own, named by what changes; -k and node ids select them."""
    repository.rollout(25)
    listed = repository.run("--co", "-q", "--llm-base=HEAD").outlines
    assert [line for line in listed if "::" in line] == [f"rollout.yaml::5->25::{name}" for name in NAMES]
    assert outcomes(repository.run("-k", "error", "--llm-base=HEAD")) == {"failed": 1, "deselected": 10}
    assert outcomes(repository.run("rollout.yaml::5->25::step", "--llm-base=HEAD")) == {"passed": 1}


def test_a_plain_run_fails_for_no_want_of_evidence(repository: Repository) -> None:
    """Without a base, what is not known is skipped with its reason, and the run passes."""
    result = repository.run("-rs")
    assert result.ret == 0
    assert outcomes(result) == {"passed": 3, "skipped": 8}
    result.stdout.fnmatch_lines(
        ["SKIPPED [[]1[]] rollout.yaml:5: percent 5: records: no requests of the new and the old arm*"]
    )


def test_lowering_always_passes(repository: Repository) -> None:
    """A pull request that lowers the percentage needs nothing, whatever the records are."""
    (repository.path / "pilot").write_text("no folder")
    repository.rollout(0)
    assert outcomes(repository.run("--llm-base=HEAD")) == {"passed": 1}


@pytest.mark.parametrize(
    ("percent", "words"),
    [
        (50, "percent 5 -> 50: step: no step may be skipped; write percent: 25"),
        (25, "percent 5 -> 25: records: no requests of the new and the old arm at 5 % are recorded yet"),
    ],
)
def test_a_raise_fails(repository: Repository, percent: float, words: str) -> None:
    """A raise without evidence fails with one sentence for each check, at the line that was changed."""
    repository.rollout(percent)
    result = repository.run("--llm-base=HEAD")
    assert result.ret == 1
    assert f"rollout.yaml:5: {words}" in result.outlines
    assert "Traceback" not in result.stdout.str()


def test_a_new_file_starts_at_the_first_step(repository: Repository) -> None:
    """A rollout that the base does not have has earned nothing."""
    repository.rollout(25, ("gpt-4o-2026-11", "gpt-4o-2026-12"))
    (repository.path / "rollout.yaml").rename(repository.path / "pilot.rollout.yaml")
    result = repository.run("--llm-base=HEAD")
    assert (
        "pilot.rollout.yaml:5: percent 0 -> 25: step: a rollout starts at its first step; write percent: 5"
        in result.outlines
    )


FIRST = ("  - {percent: 5,  min_duration: 24h, max_ratio: 3}\n", "")


@pytest.mark.parametrize("name", ["pilot.rollout.yaml", "moved/rollout.yaml"])
def test_a_moved_file_is_compared_with_itself(repository: Repository, name: str) -> None:
    """A raise under another name, with the steps cut so that it looks like a start, is a raise all the same."""
    repository.rollout(25, FIRST)
    (repository.path / "moved").mkdir()
    (repository.path / "rollout.yaml").rename(repository.path / name)
    result = repository.run("-k", "step", "--llm-base=HEAD")
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"{name}:5: percent 5 -> 25: step: steps* *, too, *"])


@pytest.mark.parametrize(
    "style",
    [
        lambda text: textwrap.indent(text, " "),
        lambda text: f"\ufeff{text}",
        lambda text: text.replace("\n", "\r"),
        lambda text: f"# {'x' * 1_100_000}\n{text}",
        lambda text: text.replace("rollout:", '"\\u0072ollout":', 1),
    ],
    ids=["indented", "byte order mark", "carriage returns", "padded", "escaped"],
)
def test_no_style_hides_a_raise(repository: Repository, style: Callable[[str], str]) -> None:
    """A file that the router reads is collected, however its YAML is written."""
    repository.rollout(25)
    file = repository.path / "rollout.yaml"
    file.write_bytes(style(file.read_text(encoding="utf-8")).encode())
    result = repository.run("--llm-base=HEAD")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED rollout.yaml::5->25::records*"])


def test_a_link_is_compared_with_what_it_leads_to(repository: Repository) -> None:
    """A linked file that did not change raises nothing, and one that did is a raise."""
    folder = repository.path / "deploy"
    folder.mkdir()
    (repository.path / "rollout.yaml").rename(folder / "live.yaml")
    (repository.path / "rollout.yaml").symlink_to("deploy/live.yaml")
    repository.commit("link")
    listed = repository.run("--co", "-q", "--llm-base=HEAD").stdout
    listed.fnmatch_lines(["rollout.yaml::5::step"])
    text = (folder / "live.yaml").read_text(encoding="utf-8")
    (folder / "live.yaml").write_text(text.replace("percent: 5\n", "percent: 25\n"), encoding="utf-8")
    repository.run("--co", "-q", "--llm-base=HEAD").stdout.fnmatch_lines(["rollout.yaml::5->25::step"])


def test_a_repository_inside_does_not_answer_for_the_base(repository: Repository) -> None:
    """A bare repository that a pull request hides beside its rollout file says nothing of the base."""
    inner = repository.path / "pilots"
    inner.mkdir()
    repository.rollout(25)
    (repository.path / "rollout.yaml").rename(inner / "rollout.yaml")
    git(inner, "init", "-q", "-b", "main", "../other")
    other = repository.path / "other"
    (other / "rollout.yaml").write_text((inner / "rollout.yaml").read_text())
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "forged")
    shutil.copytree(other / ".git", inner, dirs_exist_ok=True)
    shutil.rmtree(other)
    config = f"[core]\n\trepositoryformatversion = 0\n\tworktree = {inner}\n"
    (inner / "config").write_text(config, encoding="utf-8")
    result = repository.run("--llm-base=main")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*base: --llm-base=main*"])


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ("model: new", "model: newer", "arms.new becomes newer where new was"),
        ("unit: conversation", "unit: user", "unit conversation becomes user"),
        (
            "error: {type: event",
            "error: {type: event, source: rating",
            "metrics.error counts something else now",
        ),
        ("./pilot", "./elsewhere", "sink ./pilot becomes ./elsewhere"),
    ],
)
def test_nothing_inherits_records(repository: Repository, then: str, now: str, words: str) -> None:
    """At 0 % arms, unit, sink and what a metric counts may change under an id only while nothing was recorded under it."""
    repository.rollout(0)
    repository.commit("stop")
    repository.rollout(0, (then, now))
    (repository.path / "pilot").mkdir()
    assert outcomes(repository.run("-k", "step", "--llm-base=HEAD"))["passed"] == 1
    write_records(repository.path / "pilot", equal())
    result = repository.run("-k", "step", "--llm-base=HEAD")
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*step: gpt-4o-2026-11 has records: {words}*"])


def rolled_back(folder: Path) -> None:
    """Write a rollback as `llmupgrade rollout watch` does."""
    state = State(rollout="gpt-4o-2026-11", name="rolled_back", step=5.0, why="error: 3.00x as often")
    write_state(folder, state.rollout, lambda _: state, at="2026-11-25T12:00:00+00:00")


@pytest.mark.parametrize("copied", [False, True])
def test_a_rollback_never_passes(repository: Repository, copied: bool) -> None:  # noqa: FBT001  a case
    """A rolled-back rollout is not raised, and is told on every run, in the sink or in records copied from there."""
    rolled_back(repository.path / ("copy/host-1" if copied else "pilot"))
    flags = ["--llm-rollout-records=copy"] if copied else []
    for percent, base in ((25, "HEAD"), (5, "")):
        repository.rollout(percent)
        result = repository.run("-k", "step", f"--llm-base={base}", *flags)
        assert result.ret == 1
        result.stdout.fnmatch_lines(
            ["*step: gpt-4o-2026-11 was rolled back at 5 %: error: 3.00x as often; *"]
        )
    repository.rollout(0)
    assert repository.run("-k", "step", "--llm-base=HEAD", *flags).ret == 0


def test_a_kill_stops_a_raise(repository: Repository) -> None:
    """A killed rollout is not raised; where nothing is raised, the kill is only told."""
    (repository.path / "copy").mkdir()
    (repository.path / "copy" / "KILL").write_text("by hand")
    assert outcomes(repository.run("-k", "step", "--llm-rollout-records=copy")) == {
        "skipped": 1,
        "deselected": 10,
    }
    repository.rollout(25)
    result = repository.run("-k", "step", "--llm-base=HEAD", "--llm-rollout-records=copy")
    result.stdout.fnmatch_lines(["*step: gpt-4o-2026-11 is killed by the file KILL in *copy; *"])
    assert result.ret == 1


def test_another_sink_hides_no_rollback(repository: Repository) -> None:
    """What stopped a rollout is in the sink that the base names: naming another one lets nothing be served again."""
    rolled_back(repository.path / "pilot")
    repository.rollout(5, ("./pilot", "./elsewhere"))
    result = repository.run("-k", "step", "--llm-base=HEAD")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*step: sink ./pilot becomes ./elsewhere, *; give it a new rollout.id"])
    repository.rollout(0)
    repository.commit("stopped")
    (repository.path / "elsewhere").mkdir()
    repository.rollout(5, ("./pilot", "./elsewhere"))
    result = repository.run("-k", "step", "--llm-base=HEAD")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*step: gpt-4o-2026-11 was rolled back at 5 %: error: 3.00x as often; *"])


def test_missing_records_are_told(repository: Repository) -> None:
    """A folder that is not there is one clear line, not an empty pilot."""
    result = repository.run("--llm-rollout-records=nowhere")
    assert (result.ret, result.parseoutcomes()["failed"]) == (1, 2)  # a rollback may lie there, too
    result.stdout.fnmatch_lines(["*percent 5: records: *nowhere: there is no such folder of records"])


def test_an_id_with_records_takes_no_other_arms(repository: Repository) -> None:
    """A rollout that was lowered to 0 starts again with the same arms, or under a new id."""
    repository.rollout(0)
    repository.commit("stopped")
    write_records(repository.path / "pilot", equal())
    repository.rollout(5)
    assert repository.run("-k", "step", "--llm-base=HEAD").ret == 0
    repository.rollout(5, ("{model: new}", "{model: newer}"))
    result = repository.run("-k", "step", "--llm-base=HEAD")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*step: gpt-4o-2026-11 has records: arms.new becomes newer where new was: *"]
    )
    repository.rollout(5, ("{model: new}", "{model: newer}"), ("gpt-4o-2026-11", "newer-1"))
    assert repository.run("-k", "step", "--llm-base=HEAD").ret == 0


def test_late_harm_of_an_earlier_step(repository: Repository) -> None:
    """Harm that ratings of an earlier step show by now stops a raise, though the step that is left is clean."""
    repository.rollout(25)
    repository.commit("at 25")
    late = step_counts(arm_counts(2_000, {"bad": 60}), arm_counts(38_000, {"bad": 380}, first=10**9))
    write_records(repository.path / "pilot", {**equal(8_000, 0.05, step=25), **late})
    repository.rollout(50)
    result = repository.run("-k", "step", "--llm-base=HEAD")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*percent 25 -> 50: step: harm, bad at 5 %: 3.00x as often *"])


def test_faulty_settings_are_told_by_what_needs_them(repository: Repository) -> None:
    """A slip in pyproject.toml is one failing item with a clear line, no traceback."""
    (repository.path / "pyproject.toml").write_text("[tool.llmupgrade]\nmodel = 1\n")
    result = repository.run()
    assert (result.ret, result.parseoutcomes()["failed"]) == (1, 1)
    result.stdout.fnmatch_lines(
        ["rollout.yaml:5: percent 5: deadline: pyproject.toml:2: *unknown key 'model'*"]
    )


@pytest.mark.parametrize("flags", [(), ("-p", "xdist", "-n2")])
def test_github_shows_a_failed_check_at_its_line(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    """On GitHub each failed check is an error at the line that raises the percentage; elsewhere nothing of it is said."""
    repository.rollout(25)
    assert "::error file" not in repository.run("--llm-base=HEAD").stdout.str()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    run = repository.run if not flags else repository.pytester.runpytest_subprocess
    result = run("-k", "evidence or records", "--llm-base=HEAD", *flags)
    errors = [line for line in result.outlines if line.startswith("::error ")]
    assert len(errors) == result.parseoutcomes()["failed"] == 2
    assert all(
        line.startswith("::error file=rollout.yaml,line=5,title=Rollout::percent 5 -> 25: ")
        for line in errors
    ), errors


# --- the base ----------------------------------------------------------------------------------------


def test_the_ci_names_the_base(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """On GitHub the base is the target branch, where this branch left it: what main did since is not ours."""
    git(repository.path, "checkout", "-q", "-b", "feature")
    repository.rollout(5, ("max_age: 1h", "max_age: 2h"))
    repository.commit("feature")
    git(repository.path, "checkout", "-q", "main")
    repository.rollout(25)
    tip = repository.commit("main goes on")
    git(repository.path, "update-ref", "refs/remotes/origin/main", tip)
    git(repository.path, "checkout", "-q", "feature")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    listed = repository.run("--co", "-q").outlines
    assert "rollout.yaml::5::step" in listed  # not 25->5
    monkeypatch.delenv("GITHUB_BASE_REF")
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", tip)
    assert "rollout.yaml::5::step" in repository.run("--co", "-q").outlines


def test_a_base_that_is_not_there_fails(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shallow clone must not let a raise pass unseen; an empty --llm-base says that nothing is compared."""
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    result = repository.run()
    assert (result.ret, result.parseoutcomes()["failed"]) == (1, 1)
    result.stdout.fnmatch_lines(
        [
            "rollout.yaml:5: percent 5: base: GITHUB_BASE_REF=main: git knows no such revision; *fetch-depth: 0*"
        ]
    )
    assert repository.run("--llm-base=").ret == 0


def test_a_merge_queue_without_its_event_fails(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge queue whose event cannot be read is told in one line, as any base that is not there."""
    monkeypatch.setenv("GITHUB_EVENT_NAME", "merge_group")
    monkeypatch.setenv("GITHUB_EVENT_PATH", "gone.json")
    result = repository.run()
    assert (result.ret, result.parseoutcomes()["failed"]) == (1, 1)
    result.stdout.fnmatch_lines(
        ["rollout.yaml:5: percent 5: base: GITHUB_EVENT_PATH=gone.json: names no base *"]
    )


@pytest.mark.parametrize("revision", ["-x", "no-such", "HEAD:rollout.yaml"])
def test_bad_revisions(repository: Repository, revision: str) -> None:
    """A revision that is none is told, never taken for a flag of git."""
    result = repository.run("-k", "base", f"--llm-base={revision}")
    result.stdout.fnmatch_lines([f"*base: --llm-base={revision}: *"])
    assert result.ret == 1


def test_a_faulty_base_counts_as_none(repository: Repository) -> None:
    """Mending a broken file is no raise by itself, but it earns nothing either."""
    repository.rollout(5, ("unit: conversation", "unit: nobody"))
    repository.commit("broken")
    repository.rollout(5)
    result = repository.run("-rs", "--llm-base=HEAD")
    result.stdout.fnmatch_lines(
        ["*base: --llm-base=HEAD has a faulty file, which counts as none: rollout.yaml:1*"]
    )
    assert "0->5: evidence" in result.stdout.str()


# --- files -------------------------------------------------------------------------------------------


def test_a_faulty_file_ends_the_run(repository: Repository) -> None:
    """All faults of the file are told together, with exit code 4, as those of eval files are."""
    repository.rollout(7, ("arms:", "arm:"))
    result = repository.run()
    assert result.ret == 4
    assert "rollout.yaml:2: unknown key 'arm'. Did you mean 'arms'?" in result.outlines
    assert "rollout.yaml:1: lacks arms" in result.outlines


def test_foreign_files_are_left_alone(repository: Repository) -> None:
    """Another tool's rollout.yaml is no item, costs no line, and breaks no suite."""
    (repository.path / "rollout.yaml").write_text(ARGO)
    repository.pytester.makepyfile("def test_it(): pass")
    result = repository.run()
    assert outcomes(result) == {"passed": 1}
    assert "rollout" not in "\n".join(result.outlines[3:])


def test_other_names(repository: Repository) -> None:
    """The names are an ini value."""
    (repository.path / "rollout.yaml").rename(repository.path / "pilot.yaml")
    assert repository.run().ret == 5
    (repository.path / "pytest.ini").write_text("[pytest]\nllm_rollout_files = pilot.yaml\n")
    assert outcomes(repository.run()) == {"passed": 3, "skipped": 8}


def test_words_of_files_act_on_nothing(repository: Repository) -> None:
    """Control characters of a decision file never reach the terminal."""
    wrong = {"schema": "llmupgrade-decision/2\x1b[2J"}
    (repository.path / "decision.json").write_text(json.dumps(wrong))
    result = repository.run("-rs")
    assert "\x1b[2J" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*decision.json: no decision file: *x1b*"])


# --- the rest of pytest ------------------------------------------------------------------------------


def test_junit_and_last_failed(repository: Repository) -> None:
    """JUnit has each item with its sentence, headed by what it adds to the name; --lf runs those that failed."""
    repository.rollout(25)
    repository.run("--llm-base=HEAD", "--junitxml=junit.xml")
    found = ET.parse(repository.path / "junit.xml").getroot().iter("testcase")  # noqa: S314  our own file
    failed = {case.get("name"): failure for case in found for failure in case.iter("failure")}
    assert set(failed) == {*NAMES[1:8], "evidence"} - {"traffic"}
    evidence = failed["evidence"]
    assert "rollout.yaml:5: percent 5 -> 25: evidence: there is no decision.json" in (evidence.text or "")
    assert evidence.get("message", "").startswith("evidence: there is no decision.json")
    again = repository.run("--lf", "--co", "-q", "--llm-base=HEAD").outlines
    assert {line.rpartition("::")[2] for line in again if "::" in line} == set(failed)


def test_two_workers(repository: Repository) -> None:
    """With xdist the items are the same, whatever worker runs them."""
    repository.rollout(25)
    result = repository.pytester.runpytest_subprocess("-n2", "-p", "no:randomly", "--llm-base=HEAD")
    assert outcomes(result) == {"passed": 3, "failed": 7, "skipped": 1}


def test_a_path_that_no_disk_takes_is_one_line(repository: Repository) -> None:
    """A decision that names an endless path fails its item in one line."""
    suites = (replace(SUITE, file=f"{'x' * 5000}/eval_a.yaml"),)
    write_decision(repository.path / "decision.json", replace(DECISION, suites=suites))
    result = repository.run("-k", "fingerprint", "--llm-base=")
    assert result.ret == 1
    assert "Traceback" not in result.stdout.str()
    result.stdout.fnmatch_lines(["rollout.yaml:5: percent 5: fingerprint: *File name too long*"])

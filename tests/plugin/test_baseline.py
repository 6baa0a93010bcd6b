from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.cli import main

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")


@pytest.fixture
def kept(project: Project) -> Project:
    """Return the project after its incumbent was run once, with the server's memory of it wiped."""
    project.models = "old"
    project.run("--llm-keep=base.jsonl")
    project.server.calls.clear()
    project.models = "new"
    return project


def test_the_incumbent_is_not_asked_again(kept: Project, distribution: tuple[str, ...]) -> None:
    """The kept answers stand beside the candidate's, paired by case, and only the candidate is called."""
    result = kept.run("--llm-baseline=base.jsonl", "--llm-report=out.json", *distribution)
    result.stdout.fnmatch_lines(
        [
            "llmupgrade: incumbent: old (baseline), kept 20* · candidates: new",
            "*new against old (baseline), 3 cases paired*",
            "*was: You have 30 days.",
            "*now: You have one month.",
        ]
    )
    assert {call.model for call in kept.server.calls} == {"new"}
    report = json.loads((kept.pytester.path / "out.json").read_text())
    assert report["incumbent"] == "old (baseline)"
    assert report["comparisons"][0]["broke"] == ["evals/eval_support.yaml::refund-a"]
    assert [model["planned"] for model in report["models"]] == [3, 3]


def test_a_selection_is_compared_with_its_own_cases(kept: Project) -> None:
    """With -k, the baseline's other cases are left out, not counted as unpaired."""
    kept.run("--llm-baseline=base.jsonl", "--llm-report=out.json", "-k", "refund")
    report = json.loads((kept.pytester.path / "out.json").read_text())
    assert report["comparisons"][0]["paired"] == 2
    assert report["comparisons"][0]["unpaired"] == 0
    assert report["models"][0]["planned"] == 2


def test_a_new_case_is_unpaired(kept: Project) -> None:
    """A case that the baseline does not have is counted and shown as unpaired."""
    suite = kept.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text() + "  - id: novel\n    input: What?\n    expected: know\n")
    kept.run("--llm-baseline=base.jsonl", "--llm-report=out.json")
    comparison = json.loads((kept.pytester.path / "out.json").read_text())["comparisons"][0]
    assert (comparison["paired"], comparison["unpaired"]) == (3, 1)


def test_a_changed_case_is_refused(kept: Project) -> None:
    """A case that wants something else than in the baseline ends the run before any call, with its line."""
    suite = kept.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("expected: cash", "expected: money"))
    result = kept.run("--llm-baseline=base.jsonl")
    assert result.ret == 4
    result.stdout.fnmatch_lines(
        [
            "*evals/eval_support.yaml:9: case 'refund-b': asks or wants something else than in the baseline base.jsonl;*"
        ]
    )
    assert not kept.server.calls


def test_another_judge_is_refused(kept: Project) -> None:
    """A baseline whose verdicts come of another judge is refused before any call, saying which."""
    kept.write("evals/eval_judged.yaml", "judge: llm_judge\ncases:\n  - id: a\n    input: Hello\n")
    kept.server.reply(model="j1", text='{"reason": "fine", "verdict": "pass"}')
    kept.models = "old"
    kept.run("--llm-keep=base.jsonl", "--llm-judge-model=j1")
    kept.server.calls.clear()
    kept.models = "new"
    result = kept.run("--llm-baseline=base.jsonl", "--llm-judge-model=j2")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--llm-baseline=base.jsonl: another judge: j1 then, j2 now"])
    assert not kept.server.calls


def test_a_baseline_that_is_none(kept: Project) -> None:
    """A missing file, another file and a shard are each one clear line."""
    kept.write("report.json", "{}")
    kept.models = "old"
    kept.run("--llm-keep=shard.jsonl", "--llm-shard=1/2")
    kept.models = "new"
    for name, line in (
        ("gone.jsonl", "*gone.jsonl: no such run; `llmupgrade runs` lists the 0 that are kept in *"),
        ("report.json", "*report.json:1: no kept run; give a file that pytest wrote with --llm-models*"),
        ("shard.jsonl", "*shard.jsonl is shard 1/2 of a run; join the shards first: llmupgrade merge"),
    ):
        result = kept.run(f"--llm-baseline={name}")
        assert result.ret == 4
        result.stderr.fnmatch_lines([line])


def test_the_last_run_by_name(project: Project) -> None:
    """`last` is the newest run of the cache folder."""
    project.models = "old"
    project.run()
    project.models = "new"
    project.run("--llm-baseline=last").stdout.fnmatch_lines(["*new against old (baseline), 3 cases paired*"])


def test_a_report_of_the_run_shows_its_baseline(kept: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """`report` and `merge` show the kept incumbent that the run itself was compared with."""
    for number in (1, 2):
        kept.run("--llm-baseline=base.jsonl", f"--llm-shard={number}/2", f"--llm-keep={number}.jsonl")
    capsys.readouterr()
    assert main(["merge", "1.jsonl", "2.jsonl", "-o", "whole.jsonl"]) == 1
    assert "new against old (baseline), 3 cases paired" in capsys.readouterr().out
    assert main(["report", "whole.jsonl", "--format=json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["incumbent"] == "old (baseline)"
    assert report["comparisons"][0]["broke"] == ["evals/eval_support.yaml::refund-a"]
    assert len(report["cases"]) == 6


def test_a_report_without_its_baseline_says_so(kept: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the kept incumbent is gone, or another run has its name now, the candidate is shown alone, and a line says why."""
    kept.run("--llm-baseline=base.jsonl", "--llm-keep=new.jsonl")
    base = kept.pytester.path / "base.jsonl"
    was = json.loads(base.read_text().splitlines()[0])["created"]
    base.write_text(base.read_text().replace(was, "2026-01-01T00:00:00+00:00"))
    for reason in ("base.jsonl is another run now, of 2026-01-01T00:00:00+00:00", "base.jsonl is gone"):
        capsys.readouterr()
        assert main(["report", "new.jsonl"]) == 0
        shown = capsys.readouterr()
        assert shown.err == f"llmupgrade: the run's baseline is not shown: {reason}\n"
        assert "against" not in shown.out
        base.unlink(missing_ok=True)

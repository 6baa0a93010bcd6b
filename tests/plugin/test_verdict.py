from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from pytest_llmupgrade.run.report.json_report import report_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")


@pytest.fixture(autouse=True)
def _plain_flags(project: Project) -> None:
    """Run as users do who say nothing of what fails."""
    project.fail_on = None


def many(count: int, *, broke: int = 0, criticality: str = "normal") -> str:
    """Return a suite of so many cases, the first of which the new model breaks (see `serve`)."""
    cases = "".join(
        f"  - {{id: case-{i}, input: question {'hard' if i < broke else 'easy'} {i}, criticality: {criticality}}}\n"
        for i in range(count)
    )
    return f"judge: {{contains: yes-word}}\ncases:\n{cases}"


def serve(project: Project) -> None:
    """Let both models answer everything right, but the new one nothing that is hard."""
    project.server.default(text="yes-word")
    project.server.reply(model="new", contains="hard", text="no")


def report_of(project: Project, *arguments: str) -> tuple[pytest.RunResult, dict[str, object]]:
    """Run and return the run's result with its JSON report."""
    result = project.run("--llm-report=out.json", *arguments)
    return result, json.loads((project.pytester.path / "out.json").read_text())


def test_a_regression_fails_and_what_both_share_does_not(
    project: Project, distribution: Sequence[str]
) -> None:
    """Of several models, only the candidate's miss of what the incumbent passes fails, wherever it runs."""
    result = project.run("-rfx", *distribution)
    result.assert_outcomes(passed=4, failed=1, xfailed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["FAILED *refund-a[[]new]*", "XFAIL *refund-b[[]old]*old, the incumbent, misses it*"]
    )
    assert result.stdout.str().count("llmupgrade: 3 cases can never prove a margin of 5 pp") == 1


def test_a_miss_that_both_share(project: Project) -> None:
    """A candidate's miss of what the incumbent misses too shows as xfailed, and the run passes."""
    project.write("evals/eval_support.yaml", many(3))
    project.server.default(text="no")
    result = project.run("-rx")
    result.assert_outcomes(xfailed=6)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*old, the incumbent, misses it, too*"])


def test_a_candidate_alone_knows_a_regression(project: Project) -> None:
    """With the incumbent's items deselected, the candidate's misses are still told apart."""
    result = project.run("-k", "new")
    result.assert_outcomes(passed=2, failed=1, deselected=3)
    project.server.reply(model="old", contains="return shoes", text="no idea")
    again = project.run("-k", "new", "--llm-fresh")
    again.assert_outcomes(passed=2, xfailed=1, deselected=3)


def test_fail_on_miss(project: Project) -> None:
    """--llm-fail-on=miss lets every miss fail, the incumbent's too."""
    result = project.run("--llm-fail-on=miss")
    result.assert_outcomes(passed=4, failed=2)


def test_one_model_fails_on_a_miss(project: Project) -> None:
    """With one model, a missed case fails."""
    project.models = "new"
    result = project.run()
    result.assert_outcomes(passed=2, failed=1)
    assert "INCONCLUSIVE" not in result.stdout.str()


def test_the_verdict_decides(project: Project, distribution: Sequence[str]) -> None:
    """With --llm-fail-on=verdict no miss fails an item, and a verdict that is not SAFE fails the run."""
    result = project.run("--llm-fail-on=verdict", *distribution)
    result.assert_outcomes(passed=4, xfailed=2)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["new: INCONCLUSIVE: *", "fails: new: the verdict is INCONCLUSIVE, and only SAFE passes"]
    )


def test_a_safe_verdict_passes(project: Project) -> None:
    """A break within the margin passes where the verdict decides, and the report says SAFE first."""
    project.write("evals/eval_support.yaml", many(110, broke=1))
    serve(project)
    result, report = report_of(project, "--llm-fail-on=verdict", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["=* LLM upgrade: old to new =*", "new: SAFE within the margin of 5 pp"])
    assert report["verdict"] == "safe"
    assert report["breaches"] == []


@pytest.mark.parametrize("flags", [("-x",), ("--maxfail=1",), ("-x", "-n2")])
def test_stopped_runs(project: Project, flags: Sequence[str]) -> None:
    """A run that stops at its first regression fails, and is never called safe."""
    project.write("evals/eval_support.yaml", many(110, broke=1))
    serve(project)
    result, report = report_of(project, *flags)
    assert result.ret != 0
    assert report["verdict"] == "inconclusive"


@pytest.mark.parametrize("flags", [("-x",), ("-x", "-n2")])
def test_a_stopped_run_decides_nothing(project: Project, flags: Sequence[str]) -> None:
    """-x near the end: SAFE or not, the run was interrupted, writes no decision, and is to be finished first."""
    words = ["easy"] * 118 + ["hard", "easy"]
    cases = "".join(f"  - {{id: case-{i}, input: question {word} {i}}}\n" for i, word in enumerate(words))
    project.write("evals/eval_support.yaml", f"judge: {{contains: yes-word}}\ncases:\n{cases}")
    serve(project)
    result, report = report_of(project, "--llm-decision=decision.json", "--llm-keep=run.jsonl", *flags)
    assert report["exit_reason"] == "interrupted"
    assert not (project.pytester.path / "decision.json").exists()
    assert '"exit_reason":"interrupted"' in (project.pytester.path / "run.jsonl").read_text().replace(" ", "")
    result.stdout.fnmatch_lines(["  next: finish the run, which ended early (interrupted)*"])
    result.stdout.no_fnmatch_line("*roll out in steps*")


def test_what_fails_is_settled_before_a_rollout(project: Project) -> None:
    """A SAFE candidate that misses a must_pass case, or keeps no threshold, is told to mend that, not to roll out."""
    project.write("evals/eval_support.yaml", many(110, broke=1, criticality="must_pass"))
    project.write("pyproject.toml", "[tool.llmupgrade.gate]\nmin_accuracy = 0.999\n")
    serve(project)
    result = project.run()
    result.stdout.fnmatch_lines(["new: SAFE within the margin of 5 pp"])
    result.stdout.no_fnmatch_line("*roll out in steps*")
    text = " ".join(result.stdout.str().split())
    assert "next: mend the 1 must_pass case that it missed, settle what fails: accuracy is 99.1 %" in text
    assert "below 99.9 %, and read the 1 case that broke" in text


@pytest.mark.parametrize("flags", [(), ("--llm-repeat=2",), ("-x",), ("-k", "new"), ("--llm-margin=2",)])
def test_the_report_keeps_to_its_schema(project: Project, flags: Sequence[str]) -> None:
    """A real run's JSON report is valid by the JSON Schema that ships in the package, errors and skips included."""
    skipped = "  - {id: left-out, input: x, models: {new: {skip: too slow}}}\n"
    project.write("evals/eval_more.yaml", f"judge: {{contains: a}}\ncases:\n{skipped}")
    project.server.fail(400, model="old", contains="A-17")
    _, report = report_of(project, *flags)
    Draft202012Validator(report_schema()).validate(report)


def test_the_suite_hash(project: Project) -> None:
    """The same cases have the same hash whatever is answered; another question or another wish has another."""
    first = report_of(project)[1]["suite_hash"]
    project.server.default(text="something else")
    assert report_of(project, "--llm-fresh")[1]["suite_hash"] == first
    project.write("evals/eval_support.yaml", many(3))
    assert report_of(project)[1]["suite_hash"] not in (first, None)


def test_nothing_collected(project: Project) -> None:
    """With nothing to run, pytest's own exit status stays."""
    assert project.run("-k", "nothing_is_named_so", "--llm-fail-on=verdict").ret == 5


def test_thresholds(project: Project, distribution: Sequence[str]) -> None:
    """Every threshold of the gate that is not kept fails the run by name, though no item fails."""
    project.write(
        "pyproject.toml",
        "[tool.llmupgrade.gate]\nfail_on = 'verdict'\nmin_accuracy = 0.9\nmax_cost_ratio = 1.2\n"
        "max_p95_ratio = 0.0001\n[tool.llmupgrade.gate.categories.billing]\nmin_accuracy = 0.75\n",
    )
    result = project.run(*distribution)
    assert result.ret == 1
    text = " ".join(result.stdout.str().split())
    assert "fails: new: accuracy is 66.7 % of 3 judged cases, below 90.0 %" in text
    assert "fails: new: accuracy in 'billing' is 50.0 % of 2 judged cases, below 75.0 %" in text
    assert "fails: new: cost must be at most 1.20x the incumbent's, and it is unknown" in text
    assert "fails: new: p95 latency is " in text
    assert "fails: old" not in text


def test_a_pinned_case(project: Project) -> None:
    """A candidate's miss of a `must_pass` case fails, whatever else decides; the incumbent's own does not."""
    project.write("evals/eval_support.yaml", many(2, criticality="must_pass"))
    project.server.default(text="no")
    result = project.run("--llm-fail-on=verdict")
    result.assert_outcomes(failed=2, xfailed=2)


def test_too_few_cases_are_said_up_front(project: Project) -> None:
    """A margin that the number of cases can never prove is said before the first item runs."""
    text = project.run("--llm-margin=2").stdout.str()
    warning = "llmupgrade: 3 cases can never prove a margin of 2 pp: that takes 133 even if no case differs"
    assert text.count(warning) == 1
    assert text.index(warning) < text.index("LLM upgrade:")


def test_a_model_against_itself(project: Project) -> None:
    """The same model twice fails nothing and measures how often the suite flips by itself."""
    project.models = "old,old#2"
    project.write("evals/eval_support.yaml", many(110))
    serve(project)
    result, report = report_of(project)
    assert result.ret == 0
    text = " ".join(result.stdout.str().split())
    assert "old#2: A/A check: the suite flips 0 of 110 cases by itself (0.0 %); the smallest drop" in text
    assert report["verdict"] is None


def test_errors_always_fail(project: Project) -> None:
    """Where the verdict decides, an error still fails its item."""
    project.server.fail(status=400, model="new", contains="A-17")
    result = project.run("--llm-fail-on=verdict")
    assert result.parseoutcomes()["errors"] == 1
    assert result.ret == 1


def test_runxfail_lets_every_miss_fail(project: Project) -> None:
    """--runxfail works as for any other xfail."""
    project.run("--runxfail").assert_outcomes(passed=4, failed=2)


@pytest.mark.parametrize(
    ("flags", "settings", "said"),
    [
        (["--llm-margin=0.05"], "", "write percentage points from 0.1 to 50, such as --llm-margin=5"),
        (["--llm-fail-on=red"], "", "--llm-fail-on=red: write one of miss, regression, verdict"),
        (["--llm-look=2"], "", "--llm-look=2: only 1 is planned; set looks = 2"),
        ([], "margin = 0.05", "pyproject.toml:2: [[]tool.llmupgrade.gate]: margin must be percentage points"),
        ([], "min_acuracy = 1", "unknown key 'min_acuracy'. Did you mean 'min_accuracy'?"),
        ([], "looks = 3", "looks must be 1 or 2, the number of looks that are planned, not 3"),
        ([], "categories.a = 1", "gate.categories.*a*] must be a table"),
    ],
)
def test_wrong_gates(project: Project, flags: Sequence[str], settings: str, said: str) -> None:
    """A wrong flag or threshold is one clear line, and nothing is called."""
    project.write("pyproject.toml", f"[tool.llmupgrade.gate]\n{settings}\n")
    result = project.run(*flags)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{said}*"])
    assert not project.server.texts()

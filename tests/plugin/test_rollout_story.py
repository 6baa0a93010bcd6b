"""The whole way of a model into production: an offline run, its decision, a pilot's traffic, and the raise it earns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade import ModelRouter
from pytest_llmupgrade.cli import main
from pytest_llmupgrade.decisions.files import read_decision
from tests.plugin.repository import Repository, new_repository
from tests.plugin.test_verdict import many, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

ROLLOUT = """\
rollout: {{id: new-1, unit: conversation}}
arms:
  old: {{model: old, prompt: support}}
  new: {{model: new, prompt: support}}
percent: {percent}
steps:
  - {{percent: 5, max_ratio: 3}}
  - {{percent: 25, max_ratio: 1.5}}
  - {{percent: 100}}
metrics:
  error: {{type: event}}
sink: {{path: ./pilot}}
evidence: decision.json
"""
PROMPTS = """\
prompts:
  support:
    use: {{default: long, new: short}}
    versions:
      long: You work for the shop. Answer at length.
      short: {short}
"""
CALLS = 6_000


@pytest.fixture
def repository(project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository with a suite of 110 cases, a prompt for each model and a rollout at 0 %."""
    made = new_repository(pytester, monkeypatch)
    project.fail_on = None
    set_suite(made, 110)
    set_prompt(made, "Answer.")
    serve(project)
    set_percent(made, 0)
    made.commit("base")
    return made


def set_suite(repository: Repository, cases: int, *, broke: int = 1) -> None:
    """Write a suite of so many cases, of which the new model breaks the first ones, all under one prompt."""
    folder = repository.path / "evals"
    folder.mkdir(exist_ok=True)
    (folder / "eval_support.yaml").write_text(
        f"prompt: support\n{many(cases, broke=broke)}", encoding="utf-8"
    )


def set_prompt(repository: Repository, short: str) -> None:
    """Write prompts.yaml, in which the new model has a text of its own."""
    (repository.path / "prompts.yaml").write_text(PROMPTS.format(short=short), encoding="utf-8")


def set_percent(repository: Repository, percent: int) -> None:
    """Write the rollout at a percentage."""
    (repository.path / "rollout.yaml").write_text(ROLLOUT.format(percent=percent), encoding="utf-8")


def serve_conversations(folder: Path, *, new_fails: float) -> None:
    """Send conversations through the real router; one in ten of the old arm's fails, and so many of the new one's."""

    def arm(messages: Any, *, share: float) -> str:
        if int(messages[0]["content"]) % 1000 < share * 1000:
            raise TimeoutError
        return "yes-word"

    router = ModelRouter.from_file(
        folder / "rollout.yaml",
        old=lambda messages: arm(messages, share=0.1),
        new=lambda messages: arm(messages, share=new_fails),
    )
    for number in range(CALLS):
        try:
            router.call([{"role": "user", "content": str(number * 7919)}], unit=str(number))
        except TimeoutError:
            continue
    assert router.flush()
    router.close()


def failing(result: pytest.RunResult) -> list[str]:
    """Return the names of the items that failed."""
    return [line.rpartition("::")[2].split()[0] for line in result.outlines if line.startswith("FAILED")]


def test_a_pilot_starts_and_grows_on_evidence(
    project: Project, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 -> 5 needs the SAFE decision of this very suite, 5 -> 25 the traffic of 5 %, and neither passes without."""
    set_percent(repository, 5)
    assert failing(repository.run("rollout.yaml", "--llm-base=HEAD")) == ["evidence"]

    offline = project.run("evals", "--llm-decision=decision.json", "--llm-fail-on=verdict", "-q")
    offline.stdout.fnmatch_lines(["new: SAFE within the margin of 5 pp", "decision written to decision.json"])
    monkeypatch.chdir(repository.path)
    assert main(["report", "-o", "report.txt", "--decision", "again.json"]) == 0
    assert (repository.path / "again.json").read_bytes() == (repository.path / "decision.json").read_bytes()
    assert repository.run("rollout.yaml", "--llm-base=HEAD").ret == 0
    repository.commit("the pilot starts")

    set_percent(repository, 25)
    assert failing(repository.run("rollout.yaml", "--llm-base=HEAD")) == ["records", "error"]
    set_percent(repository, 5)
    serve_conversations(repository.path, new_fails=0.1)
    set_percent(repository, 25)
    passed = repository.run("rollout.yaml", "--llm-base=HEAD", "-rs")
    assert (passed.ret, passed.parseoutcomes()["passed"]) == (0, 8)

    (repository.path / "pilot").rename(repository.path / "copied")
    assert repository.run("rollout.yaml", "--llm-base=HEAD").ret == 1
    for place in ("copied", f"file://{repository.path.as_posix()}/copied"):
        assert repository.run("rollout.yaml", "--llm-base=HEAD", f"--llm-rollout-records={place}").ret == 0

    set_prompt(repository, "Answer well.")
    edited = repository.run("rollout.yaml", "--llm-base=HEAD", "--llm-rollout-records=copied")
    assert failing(edited) == ["fingerprint"]
    edited.stdout.fnmatch_lines(["*the prompt 'support' tells new something else now; run the suite again*"])
    set_prompt(repository, "Answer.")
    set_suite(repository, 111)
    grown = repository.run("rollout.yaml", "--llm-base=HEAD", "--llm-rollout-records=copied")
    assert failing(grown) == ["fingerprint"]
    grown.stdout.fnmatch_lines(
        ["*evals/eval_support.yaml has 111 cases now, 110 were run; run the suite again*"]
    )


INLINE = """\
  - id: inline
    prompt: null
    messages:
      - {role: system, content: You are careful.}
      - {role: user, content: question easy}
"""
SUITE, SETTINGS = "evals/eval_support.yaml", "pyproject.toml"


def test_a_decision_is_on_what_was_sent(project: Project, repository: Repository) -> None:
    """Whatever changes a request stops a start: an inline system message, params, a prompt that no arm names."""
    folder = repository.path
    (folder / SUITE).write_text(f"prompt: support\n{many(3)}{INLINE}", encoding="utf-8")
    project.run("evals", "--llm-decision=decision.json")
    rollout = ROLLOUT.format(percent=5).replace(", prompt: support", "")
    (folder / "rollout.yaml").write_text(rollout, encoding="utf-8")
    fingerprint = ("rollout.yaml", "-k", "fingerprint", "--llm-base=HEAD")
    assert repository.run(*fingerprint).ret == 0
    own = "[tool.llmupgrade.models.{}]\nparams = {{temperature = 2}}\n"
    for file, before, after, who in (
        (SUITE, "You are careful.", "Insult the user.", "old"),
        (SUITE, "prompt: support\n", "prompt: support\nparams: {temperature: 2, max_tokens: 1}\n", "old"),
        (SUITE, "  - {id: case-0,", "  - {id: case-0, params: {seed: 1},", "old"),
        ("prompts.yaml", "Answer.", "Answer everything with rubbish.", "new"),
        (SETTINGS, "", own.format("new"), "new"),
        (SETTINGS, "", own.format("old"), "old"),
    ):
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(text.replace(before, after, 1), encoding="utf-8")
        result = repository.run(*fingerprint)
        assert failing(result) == ["fingerprint"], after
        result.stdout.fnmatch_lines([f"*{SUITE} sends {who} something else now: *; run the suite again *"])
        (folder / file).write_text(text, encoding="utf-8")
    assert repository.run(*fingerprint).ret == 0


def test_a_missed_must_pass_case_starts_no_pilot(project: Project, repository: Repository) -> None:
    """A run that is SAFE and yet fails for a case that must pass is no evidence, and the check names the case."""
    suite = many(110, broke=1, criticality="must_pass")
    (repository.path / SUITE).write_text(f"prompt: support\n{suite}", encoding="utf-8")
    offline = project.run("evals", "--llm-decision=decision.json", "-q")
    offline.stdout.fnmatch_lines(["new: SAFE within the margin of 5 pp"])
    assert offline.ret == 1
    set_percent(repository, 5)
    result = repository.run("rollout.yaml", "--llm-base=HEAD")
    assert failing(result) == ["evidence"]
    result.stdout.fnmatch_lines(
        [f"*new is SAFE, but its run fails: new: 1 must_pass case did not pass, such as {SUITE}::case-0"]
    )


def test_a_harmful_pilot_does_not_grow(project: Project, repository: Repository) -> None:
    """Traffic in which the new arm fails three times as often fails the raise, and every run that sees it."""
    set_percent(repository, 5)
    serve_conversations(repository.path, new_fails=0.3)
    repository.commit("the pilot runs")
    harmful = repository.run("rollout.yaml", "-k", "error")
    harmful.stdout.fnmatch_lines(
        ["rollout.yaml:5: percent 5: error: harm, *x as often *of the old one; lower percent to 0*"]
    )
    assert harmful.ret == 1
    set_percent(repository, 25)
    assert "error" in failing(repository.run("rollout.yaml", "--llm-base=HEAD"))
    set_percent(repository, 0)
    assert repository.run("rollout.yaml", "--llm-base=HEAD").ret == 0


def test_rollout_items_are_no_eval_cases(project: Project, repository: Repository) -> None:
    """In one run with eval cases, the report, the decision and the planned counts know nothing of the rollout's items."""
    set_percent(repository, 5)
    set_suite(repository, 3, broke=0)
    result = project.run("--llm-report=report.json", "--llm-decision=decision.json", "-n2", "--llm-base=HEAD")
    assert result.parseoutcomes()["failed"] == 1  # the evidence, as there is none yet
    report = (repository.path / "report.json").read_text()
    assert "rollout.yaml" not in report
    assert '"planned": 3' in report
    assert "rollout.yaml" not in (repository.path / "decision.json").read_text()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--llm-decision=decision.txt",), "a decision is kept as JSON"),
        (("--llm-decision=package.json",), "holds something else than a decision"),
        (("--llm-decision=d.json", "--llm-shard=1/2"), "llmupgrade merge RUN... --decision d.json"),
    ],
)
def test_decisions_that_cannot_be_written(
    project: Project, repository: Repository, flags: tuple[str, ...], words: str
) -> None:
    """What could not be a decision is refused before any call is paid for."""
    project.write("package.json", "{}")
    result = project.run(*flags)
    assert result.ret == 4
    assert words in result.stderr.str()
    assert not project.server.calls


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("new", "needs an incumbent and a candidate: --llm-models=OLD,NEW"),
        (None, "--llm-decision=decision.json needs --llm-models=OLD,NEW beside it"),
    ],
)
def test_one_model_decides_nothing(project: Project, models: str | None, words: str) -> None:
    """A decision needs an incumbent and a candidate; without models a job must not pass with nothing written."""
    project.models, project.fail_on = models, None
    result = project.run("--llm-decision=decision.json")
    assert result.ret == 4
    assert words in result.stderr.str()


def test_a_baseline_is_the_incumbent(
    project: Project, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a kept run, the decision names the incumbent's model and both runs, from a later report, too."""
    set_suite(repository, 3)
    project.models = "old"
    project.run("--llm-keep=then.jsonl")
    project.models = "new"
    project.run("--llm-baseline=then.jsonl", "--llm-keep=now.jsonl", "--llm-decision=decision.json")
    found = read_decision(repository.path / "decision.json", shown="decision.json")
    monkeypatch.chdir(repository.path)
    assert main(["report", "now.jsonl", "-o", "report.txt", "--decision", "again.json"]) == 0
    again = read_decision(repository.path / "again.json", shown="again.json")
    assert replace(again, runs=found.runs) == found
    assert set(again.runs) == set(found.runs)
    assert (found.incumbent.model, found.candidates[0].model) == ("old", "new")
    assert found.runs == ("now", "then")
    assert [(suite.file, suite.cases) for suite in found.suites] == [("evals/eval_support.yaml", 3)]
    told = found.candidates[0].prompts["support"]
    assert (told.incumbent and told.incumbent.version, told.candidate and told.candidate.version) == (
        "long",
        "short",
    )

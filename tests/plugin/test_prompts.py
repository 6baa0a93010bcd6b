from __future__ import annotations

import json
import sys
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tests.batches import Batches
from tests.wire import Call, Said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

PROMPTS = """\
prompts:
  support:
    versions:
      verbose: |
        You are a kind and patient clerk of {{ shop }}, who is never in doubt.
        Answer in one sentence.
      concise: Clerk of {{ shop }}. One sentence.
    use: {"old*": verbose, default: concise}
"""
SUITE = """\
prompt: support
vars: {shop: "Shoe {{ evil }} Co"}
judge: contains
cases:
  - {id: refund, input: bring back shoes?, expected: 30 days}
  - {id: cash, input: in cash?, expected: cash}
  - {id: order, input: where is A-17?, expected: A-17}
"""
FLAG = "--llm-prompts=verbose,concise"
ITEMS = 3 * 5  # cases, by the incumbent as it is and two models with two versions each


@pytest.fixture
def prompted(project: Project) -> Project:
    """Return a project with a prompt: told to be concise, `new` forgets the 30 days; no version helps it with cash."""
    project.write("evals/prompts.yaml", PROMPTS)
    project.write("evals/eval_support.yaml", SUITE)
    project.fail_on = None
    server = project.server
    server.default(text="cash, A-17, 30 days")
    server.reply(model="new", contains="in cash", text="I do not know.")
    told_to_be_concise(project, "bring back shoes", "A month.", model="new")
    return project


def told_to_be_concise(project: Project, question: str, answer: str, *, model: str) -> None:
    """Let a model answer a question so where it is told the concise version."""

    def rule(call: Call) -> Said | None:
        meant = call.model == model and question in call.text and "One sentence." in call.text
        return Said(text=answer, usage=(10, 2)) if meant else None

    project.server.when(rule)


def told(project: Project) -> list[tuple[str, str, str]]:
    """Return (model, role, text) of each call's first message."""
    firsts = [(call.model, call.body["messages"][0]) for call in project.server.calls]
    return sorted((model, first["role"], first["content"]) for model, first in firsts)


def report_of(project: Project, *arguments: str) -> dict[str, Any]:
    """Run and return the JSON report."""
    project.run("--llm-report=out.json", *arguments)
    return written(project)


def written(project: Project) -> dict[str, Any]:
    """Return the JSON report that a run wrote, checked against its schema."""
    report: dict[str, Any] = json.loads((project.pytester.path / "out.json").read_text())
    schema = resources.files("pytest_llmupgrade").joinpath("data/report.schema.json").read_text()
    Draft202012Validator(json.loads(schema)).validate(report)
    return report


# --- what a model is told --------------------------------------------------------------------------


def test_each_model_is_told_its_version(prompted: Project) -> None:
    """The version's text stands first, filled from the case's vars, whose own text is no template."""
    report = report_of(prompted)
    shop = "Shoe {{ evil }} Co"
    assert {one[0]: one[1:] for one in told(prompted)} == {
        "old": (
            "system",
            f"You are a kind and patient clerk of {shop}, who is never in doubt.\nAnswer in one sentence.\n",
        ),
        "new": ("system", f"Clerk of {shop}. One sentence."),
    }
    used = {case["model"]: case["prompt"] for case in report["cases"]}
    assert {model: (use["name"], use["version"]) for model, use in used.items()} == {
        "old": ("support", "verbose"),
        "new": ("support", "concise"),
    }
    assert len({use["sha256"] for use in used.values()}) == 2


def test_judges_see_the_case_without_its_prompt(prompted: Project) -> None:
    """All columns are judged alike: what a model was told is no part of what a judge is shown."""
    prompted.write(
        "conftest.py",
        "import pytest\n\n@pytest.fixture\ndef judge_blind():\n"
        "    return lambda completion, case: [one['role'] for one in case.messages] == ['user']\n",
    )
    prompted.write("evals/eval_support.yaml", SUITE.replace("judge: contains", "judge: blind"))
    prompted.run().assert_outcomes(passed=6)


def test_a_target_is_given_what_the_model_is_told(prompted: Project) -> None:
    """A project's own function finds the prompt as the first of the case's messages, ahead of its item, too."""
    prompted.write(
        "conftest.py",
        "import pytest\n\n@pytest.fixture(scope='session')\ndef llm_target():\n"
        "    return lambda case, llm: llm(case.messages)\n",
    )
    prompted.run(FLAG)
    assert len(prompted.server.calls) == 3 * 4
    assert {text.split()[0] for _, _, text in told(prompted)} == {"You", "Clerk"}


def test_what_is_wrong_is_said_before_any_call(prompted: Project) -> None:
    """Every fault of a prompt is one line, exit code 4, and nothing is called."""
    prompted.write("evals/eval_support.yaml", SUITE.replace("prompt: support", "prompt: suport"))
    prompted.write("other/eval_other.yaml", SUITE)
    prompted.write("other/prompts.yaml", PROMPTS.replace("default: concise", "default: consise"))
    result = prompted.run()
    assert result.ret == 4
    for line in (
        "evals/eval_support.yaml:5: case 'refund': unknown prompt 'suport' (evals/prompts.yaml). Did you mean 'support'?",
        "other/prompts.yaml:8: prompt 'support': use: no version 'consise'. Did you mean 'concise'?",
    ):
        assert line in result.stdout.lines
    assert not prompted.server.calls


def test_a_case_may_leave_the_files_prompt_out(prompted: Project) -> None:
    """`prompt: null` is a case without the file's prompt, which may have a system message of its own."""
    prompted.write(
        "evals/eval_support.yaml",
        SUITE.replace(
            "input: bring back shoes?",
            "prompt: null, messages: [{role: system, content: own}, {role: user, content: hi}]",
        ),
    )
    prompted.run("-k", "refund")
    assert {text for _, _, text in told(prompted)} == {"own"}


# --- the axis --------------------------------------------------------------------------------------


def test_versions_are_an_axis(prompted: Project, distribution: Sequence[str]) -> None:
    """Every model runs with every version beside the incumbent as it is; the report tells prompt from model.

    An item's id names both, and it fails where it breaks what the incumbent passes as it is told now.
    """
    result = prompted.run(FLAG, "-rf", "--llm-report=out.json", *distribution)
    result.assert_outcomes(passed=ITEMS - 3, failed=3)
    failed = sorted(line.split()[1] for line in result.stdout.lines if line.startswith("FAILED"))
    assert failed == [
        "evals/eval_support.yaml::cash[new-concise]",
        "evals/eval_support.yaml::cash[new-verbose]",
        "evals/eval_support.yaml::refund[new-concise]",
    ]
    report = written(prompted)
    assert report["incumbent"] == "old"
    columns = ["old", "old-concise", "new-verbose", "new-concise"]
    assert [model["name"] for model in report["models"]] == columns
    assert {(model["planned"], model["judged"]) for model in report["models"]} == {(3, 3)}
    assert len(report["cases"]) == ITEMS
    assert {case["column"] for case in report["cases"]} == {*columns, "old-verbose"}
    assert len(prompted.server.calls) == 3 * 4, "what two columns ask alike is asked once"
    (grid,) = report["prompts"]
    cells = {(cell["model"], cell["version"]): cell for cell in grid["cells"]}
    assert cells["old", "verbose"]["now"]
    assert {key: cell["passed"] for key, cell in cells.items()} == {
        ("old", "verbose"): 3,
        ("old", "concise"): 3,
        ("new", "verbose"): 2,
        ("new", "concise"): 1,
    }
    assert grid["to_revisit"] == [
        {
            "version": "concise",
            "model": "new",
            "cases": ["evals/eval_support.yaml::refund"],
            "told_apart": True,
        }
    ]
    assert {one["together"] for one in report["comparisons"]} == {3}


def test_an_item_alone_knows_the_incumbents_prompt(prompted: Project) -> None:
    """With the incumbent deselected, a miss of what it misses with its own prompt is still expected."""
    prompted.server.reply(model="old", contains="never in doubt", text="no")
    prompted.run(FLAG, "-k", "refund and concise and new").assert_outcomes(xfailed=1, deselected=ITEMS - 1)
    prompted.run(FLAG, "-k", "refund and concise and old").assert_outcomes(passed=1, deselected=ITEMS - 1)


def test_last_failed(prompted: Project) -> None:
    """--lf runs what failed, by model and version."""
    prompted.run(FLAG)
    prompted.run(FLAG, "--lf").assert_outcomes(failed=3)


def test_one_model_with_several_versions(prompted: Project) -> None:
    """A prompt is judged as a model is: on one model, each version against what it is told now."""
    prompted.models = "old"
    told_to_be_concise(prompted, "in cash", "no", model="old")
    report = report_of(prompted, FLAG)
    assert [(one["incumbent"], one["candidate"], one["broke"]) for one in report["comparisons"]] == [
        ("old", "old-concise", ["evals/eval_support.yaml::cash"])
    ]


def test_names_that_share_a_beginning_are_told_apart(prompted: Project) -> None:
    """Under xdist, too, an item belongs to its own column and not to one whose name it begins with."""
    prompted.models = "new,new-x"
    report = report_of(prompted, "-n2")
    assert [(one["name"], one["planned"]) for one in report["models"]] == [("new", 3), ("new-x", 3)]


def test_python_tests_take_part(prompted: Project) -> None:
    """A Python test that asks a model runs in every column, and is told the version's name."""
    prompted.write(
        "test_it.py",
        "def test_it(llm, llm_prompt):\n    assert llm_prompt in (None, 'verbose', 'concise')\n    llm('A-17')\n",
    )
    report = report_of(prompted, FLAG, "test_it.py", "evals")
    found = {case["nodeid"]: case["id"] for case in report["cases"] if "test_it" in case["nodeid"]}
    assert found == {
        f"test_it.py::test_it[{column}]": "test_it.py::test_it"
        for column in ("old", "old-verbose", "old-concise", "new-verbose", "new-concise")
    }


@pytest.mark.parametrize("flags", [(), ("-n2",)], ids=["plain", "-n2"])
def test_an_unknown_version_is_one_line(prompted: Project, flags: Sequence[str]) -> None:
    """A version that no prompt has ends the run with exit code 4 before anything is called, also in workers."""
    result = prompted.run("--llm-prompts=verbose,consise", *flags)
    assert result.ret == 4
    line = "evals/prompts.yaml: --llm-prompts=consise: no prompt has such a version. Did you mean 'concise'?"
    assert any(line in found for found in result.stdout.lines)
    assert not prompted.server.calls


def test_the_axis_needs_a_prompt(prompted: Project) -> None:
    """Where no selected case has a prompt, running it several times alike is refused."""
    prompted.write("evals/eval_support.yaml", SUITE.replace("prompt: support\n", ""))
    result = prompted.run(FLAG)
    assert result.ret == 4
    assert "none of the selected cases has a prompt" in result.stderr.str() + result.stdout.str()
    assert not prompted.server.calls


# --- what runs leave -------------------------------------------------------------------------------


def test_snapshots_are_kept_by_version(prompted: Project) -> None:
    """Each column has a file of its own, replays from it, and is stale once its version's text changes."""
    prompted.with_syrupy()
    prompted.run(FLAG, "--snapshot-update")
    folder = prompted.pytester.path / "evals/__llm_snapshots__/eval_support"
    assert sorted(path.name for path in folder.iterdir()) == [
        "new-concise.yaml",
        "new-verbose.yaml",
        "old-concise.yaml",
        "old-verbose.yaml",
        "old.yaml",
    ]
    prompted.server.calls.clear()
    prompted.run(FLAG, "--llm-replay").assert_outcomes(passed=ITEMS - 3, failed=3)
    prompted.write("evals/prompts.yaml", PROMPTS.replace("One sentence.", "One short sentence."))
    result = prompted.run(FLAG, "--llm-replay")
    result.assert_outcomes(passed=8, failed=1, errors=6)
    result.stdout.fnmatch_lines(
        [
            (
                "*6 without a usable snapshot: stale snapshot: prompt has changed since it was recorded: *"
                "Renew: pytest --snapshot-update --llm-models=old,new --llm-prompts=verbose,concise"
            )
        ]
    )
    assert not prompted.server.calls


def test_kept_runs_keep_the_columns(prompted: Project) -> None:
    """A kept run is read back, merged of shards, and stands as a baseline with its columns and prompts."""
    for number in (1, 2):
        prompted.run(FLAG, f"--llm-shard={number}/2", f"--llm-keep=s{number}.jsonl")
    merged = prompted.pytester.run(
        sys.executable,
        "-m",
        "pytest_llmupgrade.cli",
        "merge",
        "s1.jsonl",
        "s2.jsonl",
        "-o",
        "all.jsonl",
        "--report=m.json",
    )
    assert merged.ret == 1, "a case broke"
    report = json.loads((prompted.pytester.path / "m.json").read_text())
    assert [model["name"] for model in report["models"]] == [
        "old",
        "old-concise",
        "new-verbose",
        "new-concise",
    ]
    assert report["prompts"][0]["to_revisit"][0]["version"] == "concise"
    prompted.models = "new"
    prompted.server.calls.clear()
    later = report_of(prompted, "--llm-prompts=verbose", "--llm-baseline=all.jsonl")
    assert [(one["incumbent"], one["candidate"]) for one in later["comparisons"]] == [
        ("old (baseline)", "new-verbose")
    ]
    assert not prompted.server.calls


def test_an_estimate_counts_what_is_asked_alike_once(prompted: Project) -> None:
    """--llm-estimate prices each call once, though two columns ask it."""
    result = prompted.run(FLAG, "--llm-estimate")
    result.stdout.fnmatch_lines(["old  *6 *", "new  *6 *"])


def test_a_batch_asks_what_is_asked_alike_once(prompted: Project) -> None:
    """--llm-batch hands in each call of the axis once, and every column has its answers."""
    batches = Batches(prompted.server)
    prompted.server.when(batches.rule)
    report = report_of(prompted, FLAG, "--llm-batch")
    assert (
        len({line["custom_id"] for lines in batches.handed_in for line in lines}) + live_calls(prompted)
        == 3 * 4
    )
    assert {model["judged"] for model in report["models"]} == {3}


def live_calls(project: Project) -> int:
    """Return how many calls were made one by one."""
    return sum(call.path.endswith("/completions") for call in project.server.calls)

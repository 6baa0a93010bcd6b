"""One item, several completions: --llm-repeat and --llm-pass-when, and the same in a case."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

SUITE = "judge: contains\ncases:\n  - {id: coin, input: Heads or tails?, expected: heads}\n"


@pytest.fixture
def coin(project: Project) -> Project:
    """Return a project whose model says heads, tails, heads, tails, heads."""
    from tests.wire import Said

    project.models = "old"
    project.write("evals/eval_support.yaml", SUITE)
    sides = itertools.cycle(("heads", "tails"))
    project.server.when(lambda _: Said(text=next(sides), usage=(10, 2)))
    return project


def report_of(project: Project) -> Any:
    """Return the JSON report of the last run."""
    return json.loads((project.pytester.path / "out.json").read_text())


@pytest.mark.parametrize(
    ("rule", "passed"), [("all", 0), ("any", 1), ("majority", 1), ("0.6", 1), ("0.61", 0)]
)
def test_the_rule_decides(coin: Project, rule: str, passed: int) -> None:
    """Three of five completions passed: the item passes by the rules that this satisfies."""
    result = coin.run("--llm-repeat=5", f"--llm-pass-when={rule}", "--llm-concurrency=1")
    result.assert_outcomes(passed=passed, failed=1 - passed)
    assert len(coin.server.calls) == 5


def test_the_record_keeps_each(coin: Project, distribution: tuple[str, ...]) -> None:
    """Every completion is in the report, tokens and cost are sums, and the case is named as flaky."""
    coin.write("pyproject.toml", "[tool.llmupgrade.models.old]\nprice = {input = 1, output = 1}\n")
    result = coin.run("--llm-repeat=5", "--llm-concurrency=1", "--llm-report=out.json", *distribution)
    result.stdout.fnmatch_lines(
        [
            "  3 of 5 completions passed, 5 must; the first that missed:",
            "old: 1 case passed sometimes: coin 3/5",
        ]
    )
    report = report_of(coin)
    [case], [model] = report["cases"], report["models"]
    assert sorted(one["answer"] for one in case["repeats"]) == ["heads"] * 3 + ["tails"] * 2
    assert case["outcome"] == "missed"
    assert case["answer"] == "tails"
    assert case["usage"] == {"input_tokens": 50, "output_tokens": 10}
    assert case["cost_usd"] == "0.000060"
    assert [one["cost_usd"] for one in case["repeats"]] == ["0.000012"] * 5
    assert model["flaky"] == [{"id": case["id"], "passes": 3, "times": 5}]
    assert model["completed"] == 5


def test_a_case_says_how_often(coin: Project) -> None:
    """`repeat` and `pass_when` of a case win over the flags."""
    coin.write("evals/eval_support.yaml", SUITE.replace("heads}", "heads, repeat: 3, pass_when: any}"))
    coin.run("--llm-repeat=7", "--llm-pass-when=all").assert_outcomes(passed=1)
    assert len(coin.server.calls) == 3


def test_more_repeats_ask_for_the_rest_only(coin: Project) -> None:
    """What the store has of a case is not asked again when it is repeated more often."""
    coin.run("--llm-repeat=2")
    coin.run("--llm-repeat=5")
    assert len(coin.server.calls) == 5


def test_a_failed_call_makes_the_item_errored(coin: Project) -> None:
    """No rule is applied to completions of which one is missing."""
    coin.server.fail(400, "no such thing", times=1)
    coin.run("--llm-repeat=3", "--llm-pass-when=any").assert_outcomes(errors=1)


def test_an_own_target_is_repeated(coin: Project) -> None:
    """A project's own function is called once for each completion, and asks anew each time."""
    coin.write(
        "conftest.py",
        "import pytest\n@pytest.fixture(scope='session')\n"
        "def llm_target():\n    return lambda case, llm: llm('coin?').text\n",
    )
    coin.run("--llm-repeat=5", "--llm-pass-when=majority", "--llm-report=out.json").assert_outcomes(passed=1)
    assert len(coin.server.calls) == 5
    assert len(report_of(coin)["cases"][0]["repeats"]) == 5


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--llm-repeat=0", "give a whole number above 0"),
        ("--llm-repeat=2000", "at most 1000"),
        ("--llm-pass-when=most", "write all, any, majority, or a share"),
    ],
)
def test_flags_are_checked(project: Project, flag: str, words: str) -> None:
    """What is no number of repeats or no rule is a usage error that says what to write."""
    result = project.run(flag)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {flag}: {words}*"])

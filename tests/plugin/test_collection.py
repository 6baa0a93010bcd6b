from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

ITEMS = [
    f"evals/eval_support.yaml::{case}[{model}]"
    for case in ("refund-a", "refund-b", "order-status")
    for model in ("old", "new")
]


def collected(project: Project, *arguments: str) -> list[str]:
    """Return the node ids that --co lists."""
    result = project.run("--co", "-q", *arguments)
    return [line for line in result.outlines if "::" in line]


def ran(result: pytest.RunResult) -> set[str]:
    """Return the node ids that -v names as having run."""
    found = (re.search(r"(evals/\S+::\S+\]) ?", line) for line in result.outlines)
    return {match.group(1) for match in found if match}


def test_ids_name_file_case_and_model(project: Project) -> None:
    """An item is called FILE::CASE[MODEL], in the file's order, and nothing is asked of a model to list it."""
    assert collected(project) == ITEMS
    assert project.server.calls == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-k", "refund"), ITEMS[:4]),
        (("-k", "new"), ITEMS[1::2]),
        (("-m", "billing and not hard"), ITEMS[:2]),
        (("-m", "smoke"), ITEMS[:2]),
        (("-m", "easy or orders"), ITEMS[:2] + ITEMS[4:]),
        ((ITEMS[3],), [ITEMS[3]]),
        (("evals/eval_support.yaml::refund-b",), ITEMS[2:4]),
        (("--deselect", ITEMS[0]), ITEMS[1:]),
        (("evals",), ITEMS),
    ],
)
def test_selection_works_as_for_python_tests(
    project: Project, arguments: tuple[str, ...], expected: list[str]
) -> None:
    """-k, -m, node ids, --deselect and folders select eval items as they select Python tests."""
    assert collected(project, "--strict-markers", *arguments) == expected


def test_only_selected_items_are_called(project: Project, distribution: tuple[str, ...]) -> None:
    """What -k leaves out costs nothing."""
    result = project.run("-k", "order-status", *distribution)
    assert result.ret == 0
    assert len(project.server.calls) == 2


def test_last_failed_runs_what_missed(project: Project) -> None:
    """--lf repeats exactly the items that missed before."""
    first = project.run("-v")
    assert first.ret == 1
    calls = len(project.server.calls)
    again = project.run("-v", "--lf", "--llm-fresh")
    assert len(project.server.calls) - calls == 2
    again.assert_outcomes(failed=2, deselected=again.parseoutcomes().get("deselected", 0))


def test_failed_first_reorders(project: Project) -> None:
    """--ff runs the items first that missed before."""
    project.run()
    result = project.run("-v", "--ff")
    order = [match for line in result.outlines if (match := line.partition(" ")[0]) in ITEMS]
    assert order[:2] == [ITEMS[1], ITEMS[2]]


def test_exitfirst_stops(project: Project) -> None:
    """-x stops at the first miss, and the report says what did not run."""
    result = project.run("-x")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*planned*3*(*not run)*3*"])


@pytest.mark.parametrize("flag", ["--setup-plan", "--fixtures-per-test"])
def test_plans_call_nothing(project: Project, flag: str) -> None:
    """--setup-plan and --fixtures-per-test show the judges as fixtures and ask no model."""
    result = project.run(flag)
    result.stdout.fnmatch_lines(["*judge_contains*"])
    assert project.server.calls == []


def test_junit_properties(project: Project) -> None:
    """The JUnit file carries model, outcome and tokens of each item."""
    project.run("--junitxml=out.xml")
    tree = ET.parse(project.pytester.path / "out.xml")  # noqa: S314  our own file
    cases = list(tree.iter("testcase"))
    assert len(cases) == 6
    properties = [{p.get("name"): p.get("value") for p in case.iter("property")} for case in cases]
    assert {p["llm_model"] for p in properties} == {"old", "new"}
    assert all(p["llm_input_tokens"] == "10" and p["llm_output_tokens"] == "2" for p in properties)
    assert sorted(p["llm_outcome"] or "" for p in properties) == ["missed"] * 2 + ["passed"] * 4


def test_conftest_beside_the_suite(project: Project) -> None:
    """A conftest.py beside the YAML gives judges, autouse and module-scoped fixtures to its cases."""
    project.write(
        "evals/conftest.py",
        """
import pytest

@pytest.fixture(scope="module")
def words():
    return {"30 days", "A-17", "cash"}

@pytest.fixture(autouse=True)
def seen(request, tmp_path, monkeypatch):
    monkeypatch.setenv("SEEN", request.node.name)
    assert request.node.get_closest_marker("billing") or request.node.get_closest_marker("orders")

@pytest.fixture
def known_word(words, llm_case):
    def judge(completion, case, *, least=1):
        assert case is llm_case
        return sum(word in completion.text for word in words) >= least
    return judge
""",
    )
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: {known_word: {least: 1}}"))
    result = project.run()
    result.assert_outcomes(passed=4, failed=2)


def test_reruns(project: Project) -> None:
    """pytest-rerunfailures runs a missed item again, and the summary counts it once."""
    result = project.run("--reruns=1")
    assert result.parseoutcomes()["rerun"] == 2
    result.stdout.fnmatch_lines(
        ["planned *3 *3", "2 items run again: the first answer that was judged counts*"]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_rerun_that_passes_is_still_a_miss(project: Project, workers: tuple[str, ...]) -> None:
    """An item that passes when it is run again passes, and its first answer stays what the figures count."""
    project.server.reply(contains="cash", text="Yes, in cash.")
    project.server.reply(contains="cash", model="new", text="Not sure.", times=1)
    result = project.run("--reruns=2", "-k", "refund-b", *workers)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["passed / missed *1 / 0 *0 / 1", "1 item run again: *"])


def test_random_order(project: Project) -> None:
    """pytest-randomly shuffles eval items without losing one."""
    result = project.pytester.runpytest_subprocess(
        "-p", "randomly", "-p", "no:cacheprovider", "--llm-models=old,new", "-v", "-p", "no:xdist"
    )
    assert ran(result) >= set(ITEMS)


def test_syrupy_snapshots(project: Project) -> None:
    """Syrupy's `snapshot` works inside a project's own judge."""
    project.with_syrupy()
    project.write(
        "conftest.py",
        """
import pytest

@pytest.fixture
def same(snapshot):
    def judge(completion, case):
        assert completion.text == snapshot
    return judge
""",
    )
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: same"))
    project.run("--snapshot-update").assert_outcomes(passed=6)
    project.run().assert_outcomes(passed=6)


def test_vscode_discovery(project: Project) -> None:
    """VS Code's discovery, which dies on a callspec outside .py files, finds none on eval items."""
    project.write(
        "vscode_pytest.py",
        """
def pytest_sessionfinish(session):
    for item in session.items:
        assert not hasattr(item, "callspec"), item
        print("FOUND", item.name)
""",
    )
    result = project.apart("--co", "-p", "vscode_pytest")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*FOUND refund-a?old?*"])


def test_without_models_nothing_is_asked(project: Project) -> None:
    """A plain `pytest` in a project with eval files skips them with the reason and asks no model."""
    project.models = None
    result = project.run("-rs")
    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines(["*pass --llm-models=MODEL*"])
    assert project.server.calls == []


def test_models_from_the_ini_file(project: Project) -> None:
    """The ini value llm_models stands in for the flag."""
    project.models = None
    project.write("pytest.ini", "[pytest]\nllm_models = old\n")
    project.run().assert_outcomes(passed=2, failed=1)


def test_skip_and_xfail_per_model(project: Project) -> None:
    """A case may skip or expect to miss on the models that a glob names, and only there."""
    suite = project.pytester.path / "evals/eval_support.yaml"
    suite.write_text(
        suite.read_text()
        + "    models: {ol*: {skip: not bought}}\n"
        + "  - id: refund-c\n    input: Is a voucher possible?\n    expected: voucher\n"
        + "    models: {new: {xfail: never says so}}\n"
    )
    result = project.run("-rxs")
    result.assert_outcomes(passed=3, failed=3, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["*errored / skipped*0 / 1*0 / 0*"])

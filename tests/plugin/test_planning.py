"""What a controller of xdist knows of the run: node ids, and what its workers tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.plugin.planning import _eval_ids

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

COLUMNS = ("gpt-4", "gpt-4o", "gpt-4o-mini")


@pytest.mark.parametrize(
    ("nodeid", "column"),
    [
        ("evals/eval_a.yaml::case[gpt-4]", "gpt-4"),
        ("evals/eval_a.yaml::case[gpt-4o-mini]", "gpt-4o-mini"),
        ("evals/eval_a.yaml::case[gpt-4o-mini-x]", "gpt-4o-mini"),
        ("evals/eval_a.yaml::case[x-gpt-4o]", "gpt-4o"),
        ("evals/eval_a.yaml::case[x-gpt-4o-mini-y]", "gpt-4o-mini"),
        ("evals/eval_a.yaml::case[a[1]-gpt-4]", "gpt-4"),
        ("evals/eval_a.yaml::case", None),
        ("evals/eval_a.yaml::case[x]", None),
        ("tests/test_a.py::test_a[gpt-4]", None),
    ],
)
def test_the_column_of_an_id(nodeid: str, column: str | None) -> None:
    """An eval item's column stands between the ids of whatever other parameters the project's fixtures add."""
    found = list(_eval_ids([nodeid], ["eval_*.yaml"], COLUMNS))
    assert found == ([] if column is None else [(nodeid, column)])


def test_faults_that_show_late_end_the_run_as_early(project: Project) -> None:
    """With workers, too, wrong usage that only the selected items show is one line, exit code 4, and no call."""
    result = project.run("-n2", "--llm-prompts=now")
    assert result.ret == 4
    words = "--llm-prompts: none of the selected cases has a prompt; write prompt: NAME into the file"
    assert sum(line.startswith("ERROR llmupgrade - ") for line in result.outlines) == 1
    assert words in result.stdout.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert not project.server.calls


@pytest.mark.parametrize("flags", [(), ("-n2",)])
def test_a_cache_folder_that_cannot_be(project: Project, flags: tuple[str, ...]) -> None:
    """Where pytest's cache folder cannot be made, the run goes on in memory and says so."""
    result = project.run("-o", "cache_dir=/proc/nope", *flags)
    result.assert_outcomes(passed=4, failed=2)
    said = " ".join(result.stdout.str().split())
    assert said.count("answers are kept in memory only, and a later run pays for them again") == 1

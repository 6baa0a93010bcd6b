"""What `llmupgrade init` writes, run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from pytest_llmupgrade.commands.init import WORKFLOW, run

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")


def init(project: Project, incumbent: str, candidate: str) -> None:
    """Write the files where none of them is."""
    root = project.pytester.path
    (root / "evals" / "eval_support.yaml").unlink()
    (root / "pyproject.toml").unlink()
    assert run(root, incumbent=incumbent, candidate=candidate, ask=None, say=lambda _line: None) == 0


def test_the_flags_of_the_workflow_exist(project: Project) -> None:
    """Every flag that the workflow passes to pytest is one that pytest knows."""
    init(project, "gpt-4o", "gpt-6-luna")
    workflow = yaml.safe_load((project.pytester.path / WORKFLOW).read_text())
    step = next(step for step in workflow["jobs"]["evals"]["steps"] if step.get("name") == "Run the evals")
    flags = {word.partition("=")[0] for word in step["run"].split() if word.startswith("--")}
    project.models = project.fail_on = None
    shown = project.run("--help").stdout.str()
    assert flags
    assert all(f"{flag}=" in shown or f"{flag} " in shown for flag in flags)


def test_the_example_runs(project: Project) -> None:
    """The suite runs as it was written, on a server that answers well."""
    init(project, "old", "new")
    server = project.server
    server.default(text="Thank you for waiting.")
    server.reply(contains="capital", text="Paris")
    server.reply(contains="came broken", text='{"order": "A-17", "problem": "broken"}')
    server.reply(contains="Where is", tool_calls=(("lookup_order", {"order_id": "A-17"}),), text=None)
    result = project.run("evals")
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == 8

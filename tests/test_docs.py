"""What the documentation shows is what there is."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def flags_in(text: str) -> set[str]:
    """Return the plugin's flags that a text names."""
    return set(re.findall(r"--llm-[a-z]+(?:-[a-z]+)*", text))


@pytest.fixture(scope="module")
def known_flags() -> set[str]:
    """Return every flag that the plugin declares."""
    sources = (ROOT / "pytest_llmupgrade" / "plugin").glob("*.py")
    return {
        flag
        for path in sources
        for flag in re.findall(r'"(--llm-[a-z-]+)"', path.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_flags_exist(page: Path, known_flags: set[str]) -> None:
    """Every flag that a page names is one of the plugin's."""
    assert flags_in(page.read_text(encoding="utf-8")) <= known_flags


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page leads to a file of the repository."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def workflows() -> Iterator[tuple[str, Any]]:
    """Yield the workflows that we hand out."""
    text = (ROOT / "docs/github.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- workflow -->\n```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    yield "docs", yaml.safe_load(found[1])
    yield "init", yaml.safe_load((resources.files("pytest_llmupgrade") / "data/workflow.yml").read_text())


@pytest.mark.parametrize(("name", "workflow"), tuple(workflows()))
def test_workflows_are_safe(name: str, workflow: Any) -> None:
    """The workflows never run a fork's code with the key, spend within a budget, and put no event's text into a shell."""
    triggers = workflow[True]  # YAML 1.1 reads `on` so
    assert "pull_request_target" not in triggers, name
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), name
            if "OPENAI_API_KEY" in step.get("env", {}) and "pytest evals" in step["run"]:
                assert "--llm-budget" in step["run"]
                assert "fork != true" in job["if"]
                saved = [
                    step for step in job["steps"] if step.get("uses", "").startswith("actions/cache/save@")
                ]
                assert [step["if"] for step in saved] == ["always()"], (
                    name
                )  # a miss fails the job, and is paid for

"""--llm-estimate: what a run would take, before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

PRICES = "\n".join(
    f'[tool.llmupgrade.models."{name}"]\nprice = {{input = 1, output = 1}}' for name in ("old", "new")
)


@pytest.fixture
def priced(project: Project) -> Project:
    """Return a project whose models have prices."""
    project.write("pyproject.toml", PRICES)
    return project


def test_nothing_is_called(priced: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The estimate needs no key, calls nothing, runs nothing, and ends well."""
    monkeypatch.delenv("OPENAI_API_KEY")
    result = priced.run("--llm-estimate")
    assert result.ret == 0
    result.assert_outcomes()
    assert not priced.server.calls
    result.stdout.fnmatch_lines(
        [
            "*LLM estimate: nothing is called*",
            "* calls *stored *tokens in *tokens out *cost",
            "old *3 *0 *68 *768 *$0.00084",
            "new *3 *0 *68 *768 *$0.00084",
            "all *6 *0 *136 *1,536 *$0.0017",
            "old: tokens by length, 4 characters each; 256 an answer, assumed",
        ]
    )
    assert "LLM upgrade" not in result.stdout.str()


def test_stored_answers_tell(priced: Project) -> None:
    """What is stored costs nothing, and what it took is what the rest of the model is estimated by.

    With --llm-fresh it is called again, at what it took the last time: exactly.
    """
    priced.run("-k", "refund-a")
    result = priced.run("--llm-estimate")
    result.stdout.fnmatch_lines(
        ["old *2 *1 *18 *4 *$0.000022", "old: tokens by 1 stored answer of this model"]
    )
    assert len(priced.server.calls) == 2
    fresh = priced.run("-k", "refund-a", "--llm-estimate", "--llm-fresh")
    fresh.stdout.fnmatch_lines(["all *2 *0 *20 *4 *$0.000024"])


def test_judges_and_repeats_count(priced: Project) -> None:
    """Judges' calls and repeats are in the estimate, an unpriced model is unpriced."""
    suite = priced.pytester.path / "evals/eval_support.yaml"
    suite.write_text(suite.read_text().replace("judge: contains", "judge: llm_judge"))
    result = priced.run("--llm-estimate", "--llm-judge-model=umpire", "--llm-repeat=3")
    result.stdout.fnmatch_lines(["umpire (judge) *18 *unpriced", "all *36 *unpriced"])


def test_what_cannot_be_known_is_said(priced: Project) -> None:
    """Items that ask on demand are counted, not guessed."""
    priced.write("test_more.py", "def test_more(llm):\n    assert llm('hi')\n")
    result = priced.run("--llm-estimate")
    result.stdout.fnmatch_lines(["2 items not estimated: Python tests, a target of your own, *"])


def test_not_with_xdist(priced: Project) -> None:
    """There is nothing to distribute: a usage error says what to leave out."""
    result = priced.run("--llm-estimate", "-n2")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --llm-estimate runs nothing*; leave out -n"])

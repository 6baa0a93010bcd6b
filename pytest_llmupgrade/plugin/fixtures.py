"""The fixtures that tests, judges and conftest.py files meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.plugin.keys import SESSION, TRIAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.model import Case
    from pytest_llmupgrade.plugin.asking import Llm
    from pytest_llmupgrade.plugin.judging import Judged


@pytest.fixture
def llm_prompt(request: pytest.FixtureRequest) -> str | None:
    """Return the version of the prompts under test, one of `--llm-prompts`; None: what the model uses."""
    version: str | None = getattr(request, "param", None)
    return version


@pytest.fixture
def llm_model(request: pytest.FixtureRequest, llm_prompt: str | None) -> str:  # noqa: ARG001  makes both one axis
    """Return the model under test, one of `--llm-models`; without any, the test is skipped."""
    model: str | None = getattr(request, "param", None)
    if model is None:
        pytest.skip("no model to ask: pass --llm-models=MODEL[,MODEL...]")
    return model


@pytest.fixture
def llm_case(request: pytest.FixtureRequest) -> Case:
    """Return the eval case that this item runs, as its model is told it; only items of eval files have one."""
    from pytest_llmupgrade.plugin.telling import told_case

    case = told_case(request.node)
    if case is None:
        pytest.fail("llm_case is there for eval files only; a Python test asks its own questions: llm(...)")
    return case


@pytest.fixture
def llm(request: pytest.FixtureRequest, llm_model: str, llm_prompt: str | None) -> Llm:
    """Ask the model under test: `llm("a question")` or `llm(messages, **params)`; counted and priced."""
    from pytest_llmupgrade.plugin.asking import Llm
    from pytest_llmupgrade.plugin.judging import first_repeat
    from pytest_llmupgrade.plugin.telling import told_case
    from pytest_llmupgrade.plugin.trial import Trial

    session = request.config.stash[SESSION]
    trial = request.node.stash.get(TRIAL, None)
    if trial is None:
        trial = Trial(
            model=llm_model,
            version=llm_prompt,
            case=told_case(request.node),
            repeat=first_repeat(request.node),
        )
        request.node.stash[TRIAL] = trial
    return Llm(session, trial)


@pytest.fixture(scope="session")
def llm_target() -> Callable[..., Any] | None:
    """Override this in conftest.py to run the project's own function instead of the bare model.

    Its value is called as `target(case, llm)`, may be async, and returns a text, a Completion, or what the
    `openai` client returned.
    """
    return None


@pytest.fixture
def llm_judged(
    request: pytest.FixtureRequest, llm_model: str, llm_target: Callable[..., Any] | None
) -> Judged:
    """Return the judged completion of this item; failed calls and broken judges are errors here, in set-up."""
    __tracebackhide__ = True
    from pytest_llmupgrade.plugin.judging import judge_item

    return judge_item(request, llm_model, llm_target)

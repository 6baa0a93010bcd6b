"""The built-in judges as fixtures: `judge_contains` and the others, and `llm_judge`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.plugin.keys import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.judges.llm import LlmJudge
    from pytest_llmupgrade.model import Case, Completion, Judge, Verdict

_PLAIN = (
    "equals",
    "contains",
    "icontains",
    "contains_any",
    "contains_all",
    "starts_with",
    "regex",
    "json_schema",
    "contains_json",
    "tool_calls",
    "similarity",
    "max_latency",
    "max_tokens",
    "is_refusal",
    "pydantic",
    "exactly",
    "icontains_any",
    "icontains_all",
    "edit_distance",
    "fuzzy_match",
    "contains_object",
    "valid_tool_calls",
)


def _fixture(name: str) -> Callable[..., Any]:
    @pytest.fixture(scope="session", name=f"judge_{name}")
    def judge() -> Judge:
        from pytest_llmupgrade.judges.table import BUILT_IN

        return BUILT_IN[name]

    judge.__doc__ = f"The built-in judge `{name}`; see docs/judges.md."
    return judge


globals().update({f"judge_{name}": _fixture(name) for name in _PLAIN})


@pytest.fixture
def judge_max_cost(request: pytest.FixtureRequest, llm_model: str) -> Judge:
    """Return the built-in judge `max_cost`: the completion costs at most so many USD."""
    from pytest_llmupgrade.judges.limits import max_cost

    session = request.config.stash[SESSION]

    def judge(completion: Completion, case: Case, expected: float | str | None = None) -> Verdict:
        cost = session.completion_cost_usd(llm_model, completion)
        return partial(max_cost, cost_usd=cost)(completion, case, expected)

    return judge


@pytest.fixture
def judge_snapshot(request: pytest.FixtureRequest) -> Judge:
    """Return the built-in judge `snapshot`: the answer is the recorded one, word for word; see docs/snapshots.md."""
    from pytest_llmupgrade.plugin.snapshot_judge import snapshot_judge

    return snapshot_judge(request.config.stash[SESSION])


@pytest.fixture(scope="session")
def llm_judge(request: pytest.FixtureRequest) -> LlmJudge:
    """Return the judge that asks another model; needs `--llm-judge-model` or [tool.llmupgrade.judge] model."""
    return request.config.stash[SESSION].llm_judge()

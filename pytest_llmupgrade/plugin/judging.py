"""An eval item's set-up: complete the case, judge the answer, keep both in the item's trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.plugin.collect import EvalFile, case_of
from pytest_llmupgrade.plugin.keys import SESSION, TRIAL
from pytest_llmupgrade.plugin.llm import Llm
from pytest_llmupgrade.plugin.trial import CaseMissed, Trial
from pytest_llmupgrade.run.plan import request_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    import pytest

    from pytest_llmupgrade.model import Case, Completion, Judgement
    from pytest_llmupgrade.plugin.session import LlmSession

_REPEATS_MOST = 1_000
"""Completions of one attempt, so that the next one's indexes follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A completion with every judge's word on it."""

    case: Case
    model: str
    completion: Completion
    judgements: tuple[Judgement, ...]

    def check(self) -> None:
        """Raise CaseMissed, saying all that a reader needs, where a judge missed."""
        __tracebackhide__ = True
        if not all(judgement.passed for judgement in self.judgements):
            from pytest_llmupgrade.run.report.miss import miss_lines

            raise CaseMissed("\n".join(miss_lines(self.case, self.model, self.completion, self.judgements)))


def judge_item(request: pytest.FixtureRequest, model: str, target: Callable[..., Any] | None) -> Judged:
    """Complete and judge one item; CallError and JudgeError make it errored."""
    __tracebackhide__ = True
    from pytest_llmupgrade.run.judge import judge_completion

    item: pytest.Function = request.node
    session = item.config.stash[SESSION]
    case = case_of(item)
    assert case is not None  # noqa: S101  only eval items ask for this
    trial = Trial(model=model, case=case, repeat=first_repeat(item))
    item.stash[TRIAL] = trial
    completion = _complete(session, trial, case, target)
    suite = item.parent
    assert isinstance(suite, EvalFile)  # noqa: S101  as above
    judges = [(spec, request.getfixturevalue(suite.judge_fixture(spec.name))) for spec in case.judges]
    trial.judgements = judge_completion(completion, case, judges)
    trial.judge_cost_usd = _judge_cost(session, trial.judgements)
    return Judged(case=case, model=model, completion=completion, judgements=trial.judgements)


def first_repeat(item: pytest.Item) -> int:
    """Return the index of an attempt's first completion; pytest-rerunfailures counts the attempts from 1."""
    return (max(1, getattr(item, "execution_count", 1)) - 1) * _REPEATS_MOST


def _complete(session: LlmSession, trial: Trial, case: Case, target: Callable[..., Any] | None) -> Completion:
    __tracebackhide__ = True
    llm = Llm(session, trial)
    if target is None:
        return llm.ask(request_for(case, session.specs[trial.model], repeat=trial.repeat))
    from pytest_llmupgrade.plugin.target import run_target

    return run_target(target, case, llm, trial)


def _judge_cost(session: LlmSession, judgements: Iterable[Judgement]) -> Decimal | None:
    costs = [session.cost_usd(call.model, call.usage) for judgement in judgements for call in judgement.calls]
    known = [cost for cost in costs if cost is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(costs) else None

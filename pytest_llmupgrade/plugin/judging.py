"""An eval item's set-up: complete the case, judge the answer, keep both in the item's trial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.model import Repeat
from pytest_llmupgrade.plugin.asking import Llm
from pytest_llmupgrade.plugin.collect import EvalFile, case_of
from pytest_llmupgrade.plugin.failing import excuse, skips
from pytest_llmupgrade.plugin.keys import SESSION, TRIAL
from pytest_llmupgrade.plugin.options import MOST_REPEATS
from pytest_llmupgrade.plugin.telling import told_case, variant_of
from pytest_llmupgrade.plugin.trial import CaseMissed, Trial, sum_of
from pytest_llmupgrade.run.plan import request_for
from pytest_llmupgrade.run.repeats import deciding, passes, said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from pytest_llmupgrade.model import Case, Completion, Judge, Judgement, JudgeSpec, PassRule
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.variants import Variant

    Judges = Sequence[tuple[JudgeSpec, Judge]]
    Target = Callable[..., Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A completion with every judge's word on it; of several, the one that the report shows."""

    case: Case
    model: str
    completion: Completion
    judgements: tuple[Judgement, ...]
    passed: bool
    repeats: str = ""
    """How several completions went, in words."""
    excuse: str = ""
    """Why a miss is expected; '': it fails the item."""

    def check(self) -> None:
        """Raise CaseMissed, saying all that a reader needs, where the case missed."""
        __tracebackhide__ = True
        if not self.passed:
            if self.excuse:
                pytest.xfail(self.excuse)  # goes on under --runxfail
            from pytest_llmupgrade.run.report.miss import miss_lines

            lines = miss_lines(self.case, self.model, self.completion, self.judgements, repeats=self.repeats)
            raise CaseMissed("\n".join(lines))


@dataclass(frozen=True, slots=True)
class _Answered:
    """One completion of a case, and what it took."""

    completion: Completion
    latency_ms: float
    cost_usd: Decimal | None


def judge_item(request: pytest.FixtureRequest, model: str, target: Target) -> Judged:
    """Complete and judge one item; CallError and JudgeError make it errored."""
    __tracebackhide__ = True
    from pytest_llmupgrade.plugin.target import check_target
    from pytest_llmupgrade.run.judge import judge_completion

    item: pytest.Function = request.node
    session = item.config.stash[SESSION]
    case, column = told_case(item), variant_of(item)
    assert case is not None  # noqa: S101  only eval items ask for this
    assert column is not None  # noqa: S101  pytest made the item for one
    trial = Trial(model=model, version=column.version, case=case)
    item.stash[TRIAL] = trial
    check_target(item, target)
    if target is not None:
        session.targets.plan(item, target)
    first = first_repeat(item)
    indexes = range(first, first + (case.repeat or session.options.repeat))
    answered = [_answer(session, trial, case, target, index) for index in indexes]
    judges = _judges(request, case)
    asked = (
        case_of(item) or case
    )  # judges see the case without its prompt, so that all columns are judged alike
    judged = [judge_completion(one.completion, asked, judges) for one in answered]
    calls = [call for judgements in judged for judgement in judgements for call in judgement.calls]
    trial.judge_cost_usd = sum_of(
        [session.cost_usd(call.model, call.usage, batch=call.batch) for call in calls]
    )
    rule = case.pass_when or session.options.pass_when
    settled = _settled(trial, case, answered, judged, rule)
    if column.name == next(iter(session.columns)):  # the only one that is asked about
        session.outcomes[case.key, column.name] = settled.passed
    if settled.passed:
        return settled
    known = _Known(session=session, item=item, case=asked, target=target, judges=judges, rule=rule)
    return replace(settled, excuse=excuse(session, case, column.name, known.passed_before))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """How the incumbent fares on a case, judged where no item of this process has told it yet."""

    session: LlmSession
    item: pytest.Item
    case: Case
    """As judges see it."""
    target: Target
    judges: Judges
    rule: PassRule

    def passed_before(self) -> bool | None:
        """Return whether the incumbent passes; None where it cannot be told. Its answers are paid for once."""
        baseline = self.session.baseline
        if baseline is not None:
            return {"passed": True, "missed": False}.get(baseline.outcomes.get(self.case.key, ""))
        incumbent = next(iter(self.session.columns.values()))
        key = (self.case.key, incumbent.name)
        if key not in self.session.outcomes:
            skipped = skips(self.case, incumbent.model)
            self.session.outcomes[key] = None if skipped else self._judge(incumbent)
        return self.session.outcomes[key]

    def _judge(self, incumbent: Variant) -> bool | None:
        from pytest_llmupgrade.plugin.snapshots import page_of
        from pytest_llmupgrade.run.judge import judge_completion

        case, book = told_case(self.item, incumbent) or self.case, self.session.book
        # of no item, so that nothing is counted twice
        trial = Trial(model=incumbent.model, version=incumbent.version, case=case)
        times = self.case.repeat or self.session.options.repeat
        try:
            with book.beside(page_of(self.item, book, incumbent)):
                answered = [_answer(self.session, trial, case, self.target, index) for index in range(times)]
                judged = [judge_completion(one.completion, self.case, self.judges) for one in answered]
        except LlmUpgradeError:
            return None
        return passes([all(word.passed for word in words) for words in judged], self.rule)


def _settled(
    trial: Trial,
    case: Case,
    answered: Sequence[_Answered],
    judged: Sequence[tuple[Judgement, ...]],
    rule: PassRule,
) -> Judged:
    """Note in the trial how the completions went together, and return what a report shows of it."""
    passed = [all(judgement.passed for judgement in judgements) for judgements in judged]
    index = deciding(passed, rule)
    trial.passed, trial.shown, trial.judgements = (
        passes(passed, rule),
        answered[index].completion,
        judged[index],
    )
    if len(passed) > 1:
        trial.repeats = tuple(map(_repeat, passed, answered, judged))
    return Judged(
        case=case,
        model=trial.column,
        completion=answered[index].completion,
        judgements=judged[index],
        passed=trial.passed,
        repeats=said(sum(passed), len(passed), rule) if trial.repeats else "",
    )


def _repeat(passed: bool, answered: _Answered, judgements: tuple[Judgement, ...]) -> Repeat:  # noqa: FBT001  for map
    return Repeat(
        passed=passed,
        answer=answered.completion.text,
        tool_calls=answered.completion.tool_calls,
        judgements=judgements,
        latency_ms=answered.latency_ms,
        cost_usd=answered.cost_usd,
    )


def first_repeat(item: pytest.Item) -> int:
    """Return the index of an attempt's first completion; pytest-rerunfailures counts the attempts from 1."""
    return (max(1, getattr(item, "execution_count", 1)) - 1) * MOST_REPEATS


def _judges(request: pytest.FixtureRequest, case: Case) -> Judges:
    suite = request.node.parent
    assert isinstance(suite, EvalFile)  # noqa: S101  only eval items have judges
    return [(spec, request.getfixturevalue(suite.judge_fixture(spec.name))) for spec in case.judges]


def _answer(session: LlmSession, trial: Trial, case: Case, target: Target, repeat: int) -> _Answered:
    __tracebackhide__ = True
    trial.repeat, start = repeat, len(trial.completions)
    completion = _complete(session, trial, case, target)
    return _Answered(
        completion,
        latency_ms=sum(one.latency_ms for one in trial.completions[start:]),
        cost_usd=sum_of(trial.costs[start:]),
    )


def _complete(session: LlmSession, trial: Trial, case: Case, target: Target) -> Completion:
    __tracebackhide__ = True
    llm = Llm(session, trial)
    if target is None:
        return llm.ask(request_for(case, session.specs[trial.model], repeat=trial.repeat))
    from pytest_llmupgrade.plugin.target import run_target

    ahead = session.targets.take(case, trial)
    return ahead or run_target(target, case, llm, trial, session.live.jobs.wait)

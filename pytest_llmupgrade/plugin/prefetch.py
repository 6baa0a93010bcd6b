"""From the selected items to what the engine completes ahead of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.codec import request_to_plain
from pytest_llmupgrade.engine.flight import Planned
from pytest_llmupgrade.judges.llm import first_requests, first_votes
from pytest_llmupgrade.model import Case, JudgeSpec
from pytest_llmupgrade.plugin.collect import EvalFile, case_of
from pytest_llmupgrade.plugin.internals import is_builtin_fixture
from pytest_llmupgrade.plugin.telling import told_case, variant_of
from pytest_llmupgrade.run.plan import request_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pytest

    from pytest_llmupgrade.judges.llm import JudgeSettings
    from pytest_llmupgrade.model import Completion, ModelSpec, Request


def planned_calls(
    items: Iterable[pytest.Item],
    specs: Mapping[str, ModelSpec],
    judge: JudgeSettings | None,
    *,
    repeat: int = 1,
) -> Iterator[Planned]:
    """Yield what the selected eval items will ask for, in execution order; `repeat` is the run's setting.

    What only a fixture knows is not planned but asked when its item runs: an overridden `llm_target`, and the items
    that a mark may skip.
    """
    plain: dict[EvalFile, tuple[bool, bool]] = {}
    for item in items:
        suite, case, column = item.parent, case_of(item), variant_of(item)
        if case is None or not isinstance(suite, EvalFile) or column is None or may_be_skipped(item):
            continue
        if suite not in plain:
            plain[suite] = (is_builtin_fixture(suite, "llm_target"), is_builtin_fixture(suite, "llm_judge"))
        bare_model, own_judge = plain[suite]
        if bare_model:
            after = JudgeCalls(case, judge) if judge is not None and own_judge and _asks_judge(case) else None
            told = told_case(item) or case
            for index in range(case.repeat or repeat):
                asked = request_for(told, specs[column.model], repeat=index)
                follow_ups = after.count if after is not None else 0
                yield Planned(request=asked, owner=item.nodeid, after=after, follow_ups=follow_ups)


@dataclass(frozen=True, slots=True)
class JudgeCalls:
    """What `llm_judge` will ask once the answer is there."""

    case: Case
    settings: JudgeSettings

    @property
    def count(self) -> int:
        """How many calls that are."""
        return sum(spec.name == "llm_judge" for spec in self.case.judges) * first_votes(self.settings)

    def __call__(self, completion: Completion) -> tuple[Request, ...]:
        """Return the first votes' calls of every `llm_judge` of the case."""
        return tuple(
            request
            for spec in self.case.judges
            if spec.name == "llm_judge"
            for request in first_requests(self.settings, completion, self.case, **spec.options)  # type: ignore[arg-type]
        )


def to_plain(planned: Planned) -> dict[str, Any]:
    """Return what a worker of xdist tells its controller of a planned call."""
    after = planned.after
    judged = None
    if isinstance(after, JudgeCalls):
        options = [dict(spec.options) for spec in after.case.judges if spec.name == "llm_judge"]
        judged = {"messages": after.case.messages, "expected": after.case.expected, "options": options}
    return {
        "request": request_to_plain(planned.request),
        "owner": planned.owner,
        "after": judged,
        "follow_ups": planned.follow_ups,
    }


def judge_calls(plain: Mapping[str, Any], settings: JudgeSettings) -> JudgeCalls:
    """Return what `llm_judge` will ask, from a worker's word for it."""
    judges = tuple(JudgeSpec(name="llm_judge", options=options) for options in plain["options"])
    case = Case(
        id="", file="", line=0, messages=tuple(plain["messages"]), expected=plain["expected"], judges=judges
    )
    return JudgeCalls(case, settings)


def _asks_judge(case: Case) -> bool:
    return any(spec.name == "llm_judge" for spec in case.judges)


def may_be_skipped(item: pytest.Item) -> bool:
    """Tell items that a mark skips, or does not run though it expects them to miss."""
    if any(item.iter_markers("skip")) or any(item.iter_markers("skipif")):
        return True
    return any(mark.kwargs.get("run") is False for mark in item.iter_markers("xfail"))

"""A project's own `llm_target`, run ahead of the items that will ask for it."""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.engine.plan import PlannedJob
from pytest_llmupgrade.errors import CallError
from pytest_llmupgrade.plugin.asking import Llm
from pytest_llmupgrade.plugin.collect import EvalFile
from pytest_llmupgrade.plugin.internals import session_fixture
from pytest_llmupgrade.plugin.prefetch import may_be_skipped
from pytest_llmupgrade.plugin.target import OVER, run_target
from pytest_llmupgrade.plugin.telling import told_case, variant_of
from pytest_llmupgrade.plugin.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest

    from pytest_llmupgrade.model import Case, Completion
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.variants import Variant

    Target = Callable[..., Any]


class TargetsAhead:
    """What targets have been planned in this process, and what they brought.

    Ahead of its item runs only what several items share, a fixture of the session's scope: the value that another
    scope's fixture will have is not known before its item's turn.
    """

    def __init__(self, session: LlmSession) -> None:
        self._session = session
        self._planned: set[int] = set()

    def plan(self, item: pytest.Item, target: Target) -> None:
        """Plan a target's calls for all items after this one that share it."""
        definition = session_fixture(item.parent, "llm_target")
        if definition is None or id(definition) in self._planned or not self._may_run_ahead():
            return
        self._planned.add(id(definition))
        items = item.session.items
        later = items[items.index(item) + 1 :]
        jobs = list(self._jobs((one for one in later if _shares(one, definition)), target))
        if jobs:
            engine = self._session.live.calls.engine
            engine.plan(jobs)
            engine.reached(jobs[0].owner)

    def _may_run_ahead(self) -> bool:
        """Not where snapshots note what each item asked, nor in a worker, which has not been told its items yet."""
        return self._session.live.alone and not self._session.options.snapshots.any

    def _jobs(self, items: Iterable[pytest.Item], target: Target) -> Iterator[PlannedJob]:
        for item in items:
            case, column = told_case(item), variant_of(item)
            if case is None or column is None or self._session.replays(column.model):
                continue
            for index in range(case.repeat or self._session.options.repeat):
                key, run = _key(case, column.name, index), self._run(target, case, column, index)
                yield PlannedJob(key=key, run=run, owner=item.nodeid)

    def _run(
        self, target: Target, case: Case, column: Variant, index: int
    ) -> Callable[[], tuple[Completion, Trial]]:
        def run() -> tuple[Completion, Trial]:
            trial = Trial(model=column.model, version=column.version, case=case, repeat=index)
            llm = Llm(self._session, trial, self._session.live.complete)
            return run_target(target, case, llm, trial, self._session.live.jobs.wait), trial

        return run

    def take(self, case: Case, trial: Trial) -> Completion | None:
        """Return what a planned target brought, and count it in the item's trial; None where none was planned."""
        if not self._planned:
            return None
        try:
            completion, brought = self._session.live.calls.engine.result(
                _key(case, trial.column, trial.repeat)
            )
        except KeyError:
            return None
        except CancelledError:
            raise CallError(OVER) from None
        trial.completions += brought.completions
        trial.costs += brought.costs
        answer: Completion = completion
        return answer


def _key(case: Case, column: str, index: int) -> str:
    return f"{case.key}\n{column}\n{index}"


def _shares(item: pytest.Item, definition: object) -> bool:
    """Whether an item will ask this very fixture, and nothing but its column tells its target from others'."""
    callspec = getattr(item, "callspec", None)
    return (
        isinstance(item.parent, EvalFile)
        and callspec is not None
        and set(callspec.params) in ({"llm_model"}, {"llm_model", "llm_prompt"})
        and session_fixture(item.parent, "llm_target") is definition
        and not may_be_skipped(item)
    )

"""The kept run that stood in for the incumbent, found again: a report shows what the run itself showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import LlmUpgradeError, UsageError
from pytest_llmupgrade.kept.joining import Column, join_runs
from pytest_llmupgrade.kept.reading import read_run
from pytest_llmupgrade.kept.wire import StandIn
from pytest_llmupgrade.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_llmupgrade.kept.joining import Joined
    from pytest_llmupgrade.kept.reading import KeptRun
    from pytest_llmupgrade.verdict import Rule


def shown_as(model: str) -> str:
    """Return the name of a kept incumbent in reports; no model of a run can be named so."""
    return f"{model} (baseline)"


def stand_in(run: KeptRun, root: Path) -> StandIn:
    """Return what a later report finds the run by: its path from the project's root, where it is in there."""
    path = run.path.resolve()
    inside = path.is_relative_to(root.resolve())
    return StandIn(
        path=(path.relative_to(root.resolve()) if inside else path).as_posix(), created=run.head.created
    )


def shared_by(runs: Sequence[KeptRun]) -> StandIn | None:
    """Return the stand-in that all runs had; None where they had none, or not the same."""
    found = {run.head.baseline for run in runs}
    return found.pop() if len(found) == 1 else None


def join_as_shown(
    runs: Sequence[KeptRun], root: Path, *, rule: Rule | None = None
) -> tuple[Joined, str | None]:
    """Return runs as one with the incumbent of their baseline, or without it, and in words why."""
    wanted = shared_by(runs)
    if wanted is None:
        several = any(run.head.baseline is not None for run in runs)
        reason = "the runs had different baselines; shown without them" if several else None
        return join_runs(runs, rule=rule), reason
    try:
        baseline = _found(wanted, root)
    except LlmUpgradeError as error:
        return join_runs(runs, rule=rule), f"the run's baseline is not shown: {error}"
    model = baseline.head.models[0]
    cases = {row.case_id for run in runs for row in run.rows.values()}
    column = Column(run=baseline, model=model, shown=shown_as(model), cases=cases)
    return join_runs(runs, incumbent=column, rule=rule), None


def _found(wanted: StandIn, root: Path) -> KeptRun:
    path, shown = root / wanted.path, printable(wanted.path)
    if not path.is_file():
        raise UsageError(f"{shown} is gone")
    run = read_run(path, shown=shown)
    if run.head.created != wanted.created:
        raise UsageError(f"{shown} is another run now, of {printable(run.head.created)}")
    return run

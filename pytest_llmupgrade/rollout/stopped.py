"""Whether a rollout was stopped in production: a rollback or a kill, in its sink or in the records copied from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.rollout.places import files_at, shown, told
from pytest_llmupgrade.rollout.policy import KILL_FILE, STATE_FILE, kill_reason, sink_folder
from pytest_llmupgrade.rollout.ruling import PASSED, Ruling, against
from pytest_llmupgrade.rollout.state_file import read_history, read_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_llmupgrade.rollout.change import Change
    from pytest_llmupgrade.rollout.places import Place
    from pytest_llmupgrade.rollout.state_file import History
    from pytest_llmupgrade.rollout.states import State


def stop_ruling(change: Change, path: Path, records: Sequence[Place]) -> Ruling:
    """Return whether the new arm may serve at all; UsageError where a state or a place cannot be read."""
    histories, kills = _stops(records)
    histories += [read_history(sink_folder(version, path)) for version in change.versions]
    latched = _rollback_in(histories, change.after.id)
    if latched is not None:
        words = (
            f"step: {change.after.id} was rolled back at {latched.step:g} %: {latched.why}; "
            "mend it, and begin again at the first step with a new rollout.id"
        )
        return Ruling(result="fail", words=words)
    here = (kill_reason(version, path) for version in change.versions)
    killed = next((reason for reason in (*here, *kills) if reason is not None), None)
    if killed is not None:
        return against(f"step: {change.after.id} is {killed}; llmupgrade rollout reset ends that", change)
    return PASSED


def copied_rollback(rollout: str, records: Sequence[Place]) -> State | None:
    """Return the rollback that a state among records tells; UsageError where a state or a place cannot be read."""
    histories, _ = _stops(records)  # a kill stops the processes that see its folder, and no others
    return _rollback_in(histories, rollout)


def _rollback_in(histories: Iterable[History], rollout: str) -> State | None:
    found = (history.of(rollout) for history in histories)
    return next((state for state in found if state is not None and state.latched), None)


def _stops(records: Sequence[Place]) -> tuple[list[History], list[str]]:
    """Return the states and the kills that lie among records, in any folder of theirs."""
    histories: list[History] = []
    kills: list[str] = []
    for place in records:
        with told(place):
            for file in files_at(place):
                if file.name == STATE_FILE:
                    with file.open() as stream:
                        histories.append(read_stream(stream, shown=f"{shown(place)}: {STATE_FILE}"))
                elif file.name == KILL_FILE:
                    kills.append(f"killed by the file {KILL_FILE} in {shown(place)}")
    return histories, kills

"""One look at a rollout: its file, its records, its state."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.gate import evaluate
from pytest_llmupgrade.rollout.loading import load_rollout
from pytest_llmupgrade.rollout.policy import kill_file, kill_reason, sink_folder, throw
from pytest_llmupgrade.rollout.reading import Found, read_records
from pytest_llmupgrade.rollout.rollups import Counts, Key
from pytest_llmupgrade.rollout.shadow_pairs import paired
from pytest_llmupgrade.rollout.state_file import read_history, write_state
from pytest_llmupgrade.rollout.states import State, state_of
from pytest_llmupgrade.rollout.stopped import copied_rollback

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_llmupgrade.rollout.config import ArmName, Rollout
    from pytest_llmupgrade.rollout.findings import Reading
    from pytest_llmupgrade.rollout.places import Place
    from pytest_llmupgrade.rollout.shadow_pairs import Paired
    from pytest_llmupgrade.rollout.state_file import UnreadStateError


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a rollout's records say, whatever its state."""

    rollout: Rollout
    found: Found
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Evidence):
    """What one look saw."""

    state: State
    """Where the rollout stands by this look."""
    recorded: State | None
    """Where the state file says it stands: what the router goes by; None: nothing was ever written of it."""
    at_ms: int
    pairs: tuple[Paired, ...] = ()
    """In shadow mode, what the paired requests show."""

    @property
    def until(self) -> str | None:
        """When all that lacks is there at the pace so far, ISO 8601; None: decided, or nobody can say."""
        need = self.reading.need
        if need is None or need.ms is None:
            return None
        try:
            return iso(self.at_ms + need.ms)
        except (OverflowError, ValueError, OSError):  # at this pace there is no such year
            return None

    @property
    def pending(self) -> bool:
        """Whether there is a rollback that no watcher has written, so that the new arm is still served."""
        return self.state.latched and not _latched(self.recorded)

    def counts(self, arm: ArmName) -> Counts:
        """Return what the records say of an arm at the percentage in force."""
        key = Key(rollout=self.rollout.id, mode=self.rollout.mode, step=self.reading.step, arm=arm)
        return self.found.counts.get(key, Counts())


def evidence(
    path: Path, *, now_ms: int, records: Sequence[Place] = (), events: Sequence[str] = ()
) -> Evidence:
    """Return what the records say; FaultyFiles or UsageError where they, or the file, cannot be read."""
    rollout = load_rollout(path)
    found = _found(rollout, sink_folder(rollout, path), records, events)
    reading = evaluate(rollout, found.counts, now_ms=now_ms, missing=found.missing)
    return Evidence(rollout=rollout, found=found, reading=reading)


def look(path: Path, *, now_ms: int, records: Sequence[Place] = (), events: Sequence[str] = ()) -> Look:
    """Return how a rollout stands, changing nothing; FaultyFiles or UsageError where something cannot be read.

    `records` are further folders or URLs, of other hosts, whose records count as if they stood in the sink, as does a
    rollback there; `events` are files of raw events, which are then all that is read.
    """
    said = evidence(path, now_ms=now_ms, records=records, events=events)
    rollout, folder = said.rollout, sink_folder(said.rollout, path)
    before = read_history(folder).of(rollout.id)
    known = before if _latched(before) else copied_rollback(rollout.id, records) or before
    state = state_of(rollout, said.reading, before=known, killed=kill_reason(rollout, path))
    return Look(
        rollout=rollout,
        found=said.found,
        reading=said.reading,
        state=state,
        recorded=before,
        at_ms=now_ms,
        pairs=paired(rollout, folder, records) if rollout.mode == "shadow" and not events else (),
    )


def _found(rollout: Rollout, sink: Path, records: Sequence[Place], events: Sequence[str]) -> Found:
    if not events:
        return read_records(sink, records)
    if records:
        raise UsageError("--events reads raw events and nothing else: leave --records out")
    from pytest_llmupgrade.rollout.raw_events import read_events

    return read_events(events, rollout=rollout.id)


def _latched(state: State | None) -> bool:
    return state is not None and state.latched


def settle(path: Path, seen: Look) -> State:
    """Write what a look found as the state; a rollback that another process wrote meanwhile stays."""
    killed = kill_reason(seen.rollout, path)

    def decide(before: State | None) -> State:
        known = seen.state if seen.state.latched and not _latched(before) else before
        return state_of(seen.rollout, seen.reading, before=known, killed=killed)

    return write_state(sink_folder(seen.rollout, path), seen.rollout.id, decide, at=iso(seen.at_ms))


def stopped_unread(path: Path, said: Evidence, error: UnreadStateError, *, at: str) -> UsageError:
    """Return what to say where a state cannot be read, which forbids to write one; harm throws the kill switch instead."""
    state = state_of(said.rollout, said.reading, before=None, killed=None)
    if not state.latched:
        return error
    kill = kill_file(said.rollout, path)
    if not os.path.lexists(kill):
        throw(kill, f"{at} {state.why}")
    return UsageError(
        f"{error}\nUntil then the new arm is stopped by {kill}, for the records would roll it back: {state.why}"
    )


def iso(at_ms: int) -> str:
    """Return a Unix time in milliseconds as ISO 8601, UTC."""
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).isoformat(timespec="seconds")

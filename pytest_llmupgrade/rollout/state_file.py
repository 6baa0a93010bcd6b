"""The actual state of a rollout in its sink: `state.json`, machine-written, with its history."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.locking import locked
from pytest_llmupgrade.rollout.policy import STATE_FILE
from pytest_llmupgrade.rollout.states import STATES, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOCK = "state.lock"
_KEPT = 500
"""Changes of state that the history keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A state and when it began."""

    at: str
    """ISO 8601, UTC."""
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Every change of state, the oldest first."""

    changes: tuple[Change, ...] = ()

    @property
    def last(self) -> State | None:
        """The state in force; None where nothing was ever written."""
        return self.changes[-1].state if self.changes else None

    def then(self, at: str, state: State) -> History:
        """Return the history with a state, as it was where only its numbers changed."""
        if self.last is not None and _same(self.last, state):
            return self
        return History(changes=(*self.changes, Change(at=at, state=state))[-_KEPT:])


def read_history(folder: Path) -> History:
    """Return what the folder's state file holds; UsageError where it cannot be read."""
    path = folder / STATE_FILE
    try:
        return _history(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return History()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no state file of this version"
        raise UsageError(
            f"{path}: cannot be read: {reason}; it may hold a rollback, so look into it before you remove it"
        ) from None


def write_state(folder: Path, decide: Callable[[State | None], State | None], *, at: str) -> State | None:
    """Replace the state by what `decide` makes of the one before, None: keep it; safe for several processes at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / _LOCK):
            before = read_history(folder)
            state = decide(before.last)
            after = before if state is None else before.then(at, state)
            if after is not before:
                _replace(folder / STATE_FILE, after)
            return after.last
    except OSError as error:
        raise UsageError(f"{folder}: the state cannot be written: {error.strerror or error}") from None


def _same(one: State, other: State) -> bool:
    """Whether two states differ in their figures only."""
    return (one.rollout, one.name, one.step) == (other.rollout, other.name, other.step)


def _replace(path: Path, history: History) -> None:
    last = history.changes[-1]
    plain = {**_plain(last), "since": last.at, "history": [_plain(change) for change in history.changes]}
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(plain, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _plain(change: Change) -> dict[str, Any]:
    state = change.state
    return {
        "at": change.at,
        "rollout": state.rollout,
        "state": state.name,
        "step": state.step,
        "why": state.why,
    }


def _history(plain: Any) -> History:
    return History(changes=tuple(_change(each) for each in plain["history"]))


def _change(plain: Any) -> Change:
    if plain["state"] not in STATES:
        raise ValueError(plain["state"])
    state = State(
        rollout=str(plain["rollout"]),
        name=plain["state"],
        step=float(plain["step"]),
        why=str(plain["why"]),
    )
    return Change(at=str(plain["at"]), state=state)

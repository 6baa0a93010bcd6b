"""The actual state of a rollout in its sink: `state.json`, machine-written, with its history."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.locking import locked
from pytest_llmupgrade.rollout.policy import MOST_STATE, STATE_FILE
from pytest_llmupgrade.rollout.states import STATES, State
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOCK = "state.lock"
_KEPT = 500
"""Changes of state that the history keeps."""


class UnreadStateError(UsageError):
    """A state file is there and cannot be read: it may hold a rollback."""


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

    def of(self, rollout: str) -> State | None:
        """Return a rollout's state: its rollback if it ever had one, else its last; None where it never had any."""
        own = [change.state for change in self.changes if change.state.rollout == rollout]
        return next((state for state in own if state.latched), own[-1] if own else None)

    def then(self, at: str, state: State) -> History:
        """Return the history with a state; where only its words changed, it began when it did."""
        if self.last is not None and self.last.like(state):
            renewed = Change(at=self.changes[-1].at, state=state)
            return History(changes=(*self.changes[:-1], renewed))
        return History(changes=_trimmed((*self.changes, Change(at=at, state=state))))


def _trimmed(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Return the newest changes, and every rollback: those hold for as long as their rollout's id may come back."""
    old = changes[:-_KEPT]
    return (*(change for change in old if change.state.latched), *changes[-_KEPT:])


def read_history(folder: Path) -> History:
    """Return what the folder's state file holds; UsageError where it cannot be read."""
    path = folder / STATE_FILE
    try:
        if path.exists() and not path.is_file():
            raise _unread(path, "it is no file")  # a pipe would never end
        with path.open("rb") as stream:
            return read_stream(stream, shown=path)
    except FileNotFoundError:
        return History()
    except OSError as error:
        raise _unread(path, error.strerror) from None


def read_stream(stream: BinaryIO, *, shown: object) -> History:
    """Return what an open state file holds; UsageError where that is none, or more than any watcher writes."""
    data = stream.read(MOST_STATE + 1)
    if len(data) > MOST_STATE:
        raise _unread(shown, f"it is longer than {MOST_STATE:,} bytes")
    return parse_history(data, shown=shown)


def parse_history(data: bytes, *, shown: object) -> History:
    """Return what a state file's bytes hold; UsageError where they are none."""
    try:
        return _history(json.loads(data))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise _unread(shown, "it is no state file of this version") from None


def _unread(shown: object, reason: str | None) -> UnreadStateError:
    return UnreadStateError(
        f"{shown}: cannot be read: {reason}; it may hold a rollback, so look into it before you remove it"
    )


def write_state(folder: Path, rollout: str, decide: Callable[[State | None], State], *, at: str) -> State:
    """Replace a rollout's state by what `decide` makes of the one before; safe for several processes at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / _LOCK):
            before = read_history(folder)
            state = decide(before.of(rollout))
            after = before.then(at, state)
            if after != before:
                _replace(folder / STATE_FILE, after)
            return state
    except OSError as error:
        raise UsageError(f"{folder}: the state cannot be written: {error.strerror or error}") from None


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
        rollout=one_line(str(plain["rollout"])),
        name=plain["state"],
        step=float(plain["step"]),
        why=one_line(str(plain["why"])),  # it is printed, and anybody may have written into the file
    )
    return Change(at=str(plain["at"]), state=state)

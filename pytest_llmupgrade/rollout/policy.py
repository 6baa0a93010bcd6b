"""What is in force now: the file, re-read when it changes, and whatever stops the new arm."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.rollout.buckets import threshold
from pytest_llmupgrade.rollout.loading import load_rollout

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_llmupgrade.rollout.config import Rollout

STATE_FILE = "state.json"
"""In the sink: `{"rollout": ID, "state": STATE, ...}`, written by `llmupgrade rollout watch`."""
KILL_FILE = "KILL"
STOPPED = "rolled_back"
MOST_STATE = 10_000_000  # bytes
_OFF = ("", "0", "false", "no", "off")
_Signature: TypeAlias = "tuple[int, int, int] | None"


@dataclass(frozen=True, slots=True)
class Policy:
    """What every decision goes by; replaced as a whole."""

    rollout: Rollout
    stopped: str | None
    """Why the new arm gets nothing; None: it gets its share."""
    step: float
    """The percentage in force."""
    threshold: int


def policy_of(rollout: Rollout, stopped: str | None) -> Policy:
    """Return what a file and a stop amount to."""
    step = 0.0 if stopped or rollout.mode == "shadow" else rollout.percent
    return Policy(rollout, stopped, step, threshold(step))


def sink_folder(rollout: Rollout, file: Path) -> Path:
    """Return the folder of the records; it is written relative to the file's."""
    return file.parent / rollout.sink.path


class Watch:
    """Looks at the file, the environment and the sink; keeps the last good of each."""

    def __init__(self, path: Path) -> None:
        # a product may change its folder: a daemon goes to /
        self._path, self._shown = path.absolute(), path.as_posix()
        self._seen = _signature(path)
        self._state_seen: _Signature = None
        self._rolled_back: frozenset[str] = frozenset()
        """Ids of rollouts."""
        self.fault: str | None = None
        """What is wrong with the file as it stands now; None: nothing."""
        self.rollout = load_rollout(self._path, file=self._shown)
        """The last good one."""

    def look(self) -> Policy:
        """Return what is in force; a broken file or an unreadable folder changes nothing."""
        self._look_at_file()
        self._look_at_state()
        return policy_of(self.rollout, self._stop())

    def _look_at_file(self) -> None:
        signature = _signature(self._path)
        if signature == self._seen:
            return
        try:
            self.rollout = _loaded(self._path, self._shown)
            self.fault = None
        except FaultyFiles as error:
            self.fault = f"the last good version stays in force; {'; '.join(map(str, error.faults))}"
        self._seen = signature

    def _look_at_state(self) -> None:
        path = sink_folder(self.rollout, self._path) / STATE_FILE
        signature = _signature(path)
        if signature == self._state_seen:
            return
        # A file that is gone was reset; one that cannot be read says nothing new.
        if signature is None:
            self._rolled_back = frozenset()
        elif (read := _rolled_back(path)) is not None:
            self._rolled_back = read
        self._state_seen = signature

    def _stop(self) -> str | None:
        killed = kill_reason(self.rollout, self._path)
        if killed is not None:
            return killed
        if self.rollout.id in self._rolled_back:
            return f"rolled back, says {sink_folder(self.rollout, self._path) / STATE_FILE}"
        return None


def kill_file(rollout: Rollout, file: Path) -> Path:
    """Return the file that stops the new arm by being there."""
    if rollout.kill_file:
        return file.parent / rollout.kill_file
    return sink_folder(rollout, file) / KILL_FILE


def kill_reason(rollout: Rollout, file: Path) -> str | None:
    """Return which kill switch is on, as seen from here; None: none."""
    name = rollout.kill_env
    if os.environ.get(name, "").strip().lower() not in _OFF:
        return f"killed by the environment variable {name}"
    kill = kill_file(rollout, file)
    return f"killed by the file {kill}" if os.path.lexists(kill) else None


def _loaded(path: Path, shown: str) -> Rollout:
    if path.exists() and not path.is_file():  # a pipe would never end, and the kill switch would wait for it
        raise FaultyFiles([Fault(shown, 0, "is no file")])
    return load_rollout(path, file=shown)


def _signature(path: Path) -> _Signature:
    """Return what changes with a file; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _rolled_back(path: Path) -> frozenset[str] | None:
    """Return the rollouts that a state file tells to be rolled back, now or before; None where it says nothing."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(MOST_STATE))
    except (OSError, ValueError, RecursionError):
        return None
    match told:
        case {"rollout": str(), "state": str(), **rest}:
            before = rest.get("history")
            found = (_stopped(each) for each in (told, *(before if isinstance(before, list) else ())))
            return frozenset(rollout for rollout in found if rollout is not None)
        case _:
            return None


def _stopped(change: object) -> str | None:
    match change:
        case {"rollout": str() as rollout, "state": str() as state} if state == STOPPED:
            return rollout
        case _:
            return None

"""What is in force now: the file, re-read when it changes, and whatever stops the new arm."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade.errors import Fault, FaultyFiles, UsageError
from pytest_llmupgrade.rollout.buckets import threshold
from pytest_llmupgrade.rollout.loading import load_rollout, parse_rollout

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
        self._file_fault: str | None = None
        self._seen: _Signature = None
        self.rollout = load_rollout(self._path, file=self._shown)
        """The last good one."""
        self._began = self.rollout.sink
        self._states: dict[Path, _StateFile] = {}
        """Of each folder that ever was the sink."""
        self._state_fault: str | None = None

    @property
    def fault(self) -> str | None:
        """What is wrong with the file, or with a state, as it stands now; None: nothing."""
        return self._file_fault or self._state_fault or self._moved()

    def _moved(self) -> str | None:
        began, now = self._began.path, self.rollout.sink.path
        if began == now:
            return None
        return f"records go to {began} until a restart, where nobody who reads {now} sees them"

    def look(self) -> Policy:
        """Return what is in force; a broken file changes nothing, a state that cannot be read stops the new arm."""
        self._look_at_file()
        sunk = self._sunk()
        folders = dict.fromkeys(sink_folder(each, self._path) for each in sunk)
        faults = [self._look_at_state(folder) for folder in folders]
        self._state_fault = next((fault for fault in faults if fault is not None), None)
        return policy_of(self.rollout, self._stop(sunk))

    def _sunk(self) -> tuple[Rollout, ...]:
        """Return the rollout with the sink that records go to, and with the one that the file names by now."""
        return replace(self.rollout, sink=self._began), self.rollout

    def _look_at_file(self) -> None:
        try:
            signature = _signature(self._path)
            if signature is not None and signature == self._seen:
                return
            self._seen = None  # what could not be read is tried again
            data = _bytes_of(self._path)
        except OSError as error:
            self._seen = None
            self._keep(Fault(self._shown, 0, f"cannot be read: {error.strerror or error}"))
            return
        try:
            self.rollout = parse_rollout(data, file=self._shown)
            self._file_fault = None
        except FaultyFiles as error:
            self._keep(*error.faults)
        self._seen = signature

    def _keep(self, *faults: Fault) -> None:
        self._file_fault = f"the last good version stays in force; {'; '.join(map(str, faults))}"

    def _look_at_state(self, folder: Path) -> str | None:
        state = self._states.setdefault(folder, _StateFile(folder / STATE_FILE))
        state.look()
        return state.fault

    def _stop(self, sunk: tuple[Rollout, ...]) -> str | None:
        for rollout in sunk:
            killed = kill_reason(rollout, self._path)
            if killed is not None:
                return killed
        for state in self._states.values():
            if self.rollout.id in state.rolled_back:
                return f"rolled back, says {state.path}"
        return self._state_fault


class _StateFile:
    """A state file as it is looked at; a rollback that it once told stays, whatever becomes of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: _Signature = None
        self.rolled_back: frozenset[str] = frozenset()
        """Ids of rollouts."""
        self.fault: str | None = None
        """Why the file that is there cannot be read; None: it was read, or there is none."""

    def look(self) -> None:
        """Read the file where it changed, or could not be read before."""
        try:
            signature = _signature(self.path)
            if signature is not None and signature == self._seen:
                return
            self._seen = None
            if signature is not None:
                self.rolled_back |= _rolled_back(_bytes_of(self.path))
        except (OSError, ValueError, RecursionError) as error:
            self._seen = None
            self.fault = f"{self.path}: cannot be read: {_reason(error)}; it may hold a rollback"
            return
        self._seen, self.fault = signature, None


def kill_file(rollout: Rollout, file: Path) -> Path:
    """Return the file that stops the new arm by being there."""
    if rollout.kill_file:
        return file.parent / rollout.kill_file
    return sink_folder(rollout, file) / KILL_FILE


def throw(kill: Path, words: str) -> None:
    """Write the kill file; UsageError where it cannot be written."""
    try:
        kill.parent.mkdir(parents=True, exist_ok=True)
        kill.write_text(f"{words}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{kill}: cannot be written: {error.strerror or error}") from None


def kill_reason(rollout: Rollout, file: Path) -> str | None:
    """Return which kill switch is on, as seen from here; None: none."""
    name = rollout.kill_env
    if os.environ.get(name, "").strip().lower() not in _OFF:
        return f"killed by the environment variable {name}"
    kill = kill_file(rollout, file)
    return f"killed by the file {kill}" if os.path.lexists(kill) else None


def _signature(path: Path) -> _Signature:
    """Return what changes with a file; None where there is none, OSError where that cannot be known."""
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _bytes_of(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe would never end, and the kill switch would wait for it
        raise OSError("it is no file")
    with path.open("rb") as file:
        data = file.read(MOST_STATE + 1)
    if len(data) > MOST_STATE:
        raise OSError(f"it is longer than {MOST_STATE:,} bytes")
    return data


def _rolled_back(data: bytes) -> frozenset[str]:
    """Return the rollouts that a state file tells to be rolled back, now or before; ValueError where it is none."""
    match json.loads(data):
        case {"history": list(before), **last}:
            changes = (last, *before)
        case {"history": _}:
            raise ValueError
        case alone:
            changes = (alone,)
    return frozenset(rollout for rollout, state in map(_change, changes) if state == STOPPED)


def _change(plain: object) -> tuple[str, str]:
    match plain:
        case {"rollout": str() as rollout, "state": str() as state}:
            return rollout, state
        case _:
            raise ValueError


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is no state file"

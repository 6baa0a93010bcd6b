"""`llmupgrade rollout status|watch|kill|reset`: read the evidence, act on it, say so."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import FaultyFiles, LlmUpgradeError, UsageError
from pytest_llmupgrade.rollout.config import KILL_ENV
from pytest_llmupgrade.rollout.loading import duration_s, load_rollout
from pytest_llmupgrade.rollout.observing import Evidence, Look, evidence, iso, look, settle, stopped_unread
from pytest_llmupgrade.rollout.page import page
from pytest_llmupgrade.rollout.policy import KILL_FILE, kill_file, kill_reason, sink_folder, throw
from pytest_llmupgrade.rollout.state_file import UnreadStateError, read_history, write_state
from pytest_llmupgrade.rollout.states import State
from pytest_llmupgrade.rollout.status_json import status_plain
from pytest_llmupgrade.rollout.status_lines import status_lines
from pytest_llmupgrade.wording import one_line, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_llmupgrade.rollout.config import Rollout

_STOPPED = ("rolled_back", "killed")
_HOME, _TO_LINE_END, _TO_SCREEN_END = "\x1b[H", "\x1b[K", "\x1b[J"
_SHORTEST_S = 0.2


def status(options: argparse.Namespace) -> int:
    """Print how the rollout stands; on a terminal again and again."""
    if options.format == "json":
        _say(json.dumps(status_plain(_look(options)), indent=1))
        return 0
    if options.once or not sys.stdout.isatty():
        for line in status_lines(_look(options), page()):
            _say(line)
        return 0
    pace = _pace(options.interval)
    sys.stdout.write(_HOME + _TO_SCREEN_END)
    while True:
        shown = "".join(f"{line}{_TO_LINE_END}\n" for line in _fitting(list(_live_lines(options))))
        sys.stdout.write(f"{_HOME}{shown}{_TO_SCREEN_END}")
        sys.stdout.flush()
        pace.wait()


def watch(options: argparse.Namespace) -> int:
    """Evaluate, write the state, roll back where there is harm; exit code 1 where the new arm is stopped."""
    if options.once:
        return 1 if _watched(options, None).name in _STOPPED else 0
    pace = _pace(options.interval)
    before: State | None = None
    told = ""
    while True:
        try:
            before = _watched(options, before)
            told = ""
        except LlmUpgradeError as error:  # a broken edit or a full disk is no reason to stop watching
            if str(error) != told:
                told = str(error)
                sys.stderr.write(f"{iso(_now_ms())} {told}\n")
        pace.wait()


def kill(options: argparse.Namespace) -> int:
    """Stop the new arm in every process that sees the folder, within two seconds."""
    rollout = _rollout_to_kill(options.file)
    why = one_line(options.why)
    throw(kill_file(rollout, options.file), f"{iso(_now_ms())} {why}")
    killed = State(rollout=rollout.id, name="killed", step=rollout.percent, why=why)
    try:
        _write(options.file, rollout, killed)
    except UsageError as error:  # the switch is thrown all the same
        sys.stderr.write(f"{error}\n")
    _say(f"{rollout.id}: killed; every request goes to the old arm. llmupgrade rollout reset ends it")
    return 0


def reset(options: argparse.Namespace) -> int:
    """Take a kill back; a rollback stays until the rollout has a new id."""
    rollout = load_rollout(options.file)
    before = read_history(sink_folder(rollout, options.file)).of(rollout.id)
    if before is not None and before.latched:
        raise UsageError(
            f"{rollout.id} was rolled back: {before.why}. Mend it and give the rollout a new id "
            f"in {rollout.file}: its evidence begins anew"
        )
    path = kill_file(rollout, options.file)
    thrown = os.path.lexists(path)
    _remove(path)
    still = kill_reason(rollout, options.file)
    if still is not None:
        raise UsageError(f"{rollout.id} is still {still}: unset it where the service runs")
    if not thrown and (before is None or before.name != "killed"):
        _say(f"{rollout.id}: nothing to reset; it is not killed")
        return 0
    hold = State(rollout=rollout.id, name="hold", step=rollout.percent, why="a kill was taken back")
    _write(options.file, rollout, hold)
    _say(f"{rollout.id}: reset; {rollout.percent:g} % go to the new arm again")
    return 0


# --- the parts -------------------------------------------------------------------------------------


def _live_lines(options: argparse.Namespace) -> Iterator[str]:
    """Yield the screen; a broken edit is shown until it is mended."""
    try:
        yield from status_lines(_look(options), page())
    except LlmUpgradeError as error:
        yield from (printable(line) for line in str(error).splitlines())
    yield ""
    yield f"at {iso(_now_ms())}, every {options.interval}; Ctrl-C ends"


def _fitting(lines: list[str]) -> list[str]:
    """Return the lines that the terminal has room for; what scrolls cannot be drawn over."""
    room = shutil.get_terminal_size().lines - 1
    return lines if len(lines) <= room else [*lines[: max(0, room - 1)], "... (a higher window shows more)"]


def _watched(options: argparse.Namespace, before: State | None) -> State:
    """Look, write, and tell what is new."""
    try:
        seen = _look(options)
        state = settle(options.file, seen)
    except UnreadStateError as error:
        raise stopped_unread(options.file, _evidence(options), error, at=iso(_now_ms())) from None
    if before is None or not before.like(state):
        name = state.name.replace("_", " ")
        _say(f"{iso(seen.at_ms)} {state.rollout} at {state.step:g} %: {name}: {one_line(state.why)}")
    return state


def _rollout_to_kill(file: Path) -> Rollout:
    """Return the rollout; where its file is broken, say how to kill it without."""
    try:
        return load_rollout(file)
    except FaultyFiles as error:
        raise UsageError(
            f"{error}\nNothing is killed. Without this file: create {KILL_FILE} in the sink's folder, "
            f"or set {KILL_ENV} where the service runs"
        ) from None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be removed: {error.strerror or error}") from None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _look(options: argparse.Namespace) -> Look:
    return look(options.file, now_ms=_now_ms(), records=options.records, events=options.events)


def _evidence(options: argparse.Namespace) -> Evidence:
    return evidence(options.file, now_ms=_now_ms(), records=options.records, events=options.events)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _write(file: Path, rollout: Rollout, state: State) -> None:
    """Write a state that people decided; a rollback stays."""

    def decide(before: State | None) -> State:
        return before if before is not None and before.latched else state

    write_state(sink_folder(rollout, file), rollout.id, decide, at=iso(_now_ms()))


class _Pace:
    """Waits between two looks; Ctrl-C ends the wait."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._never = threading.Event()

    def wait(self) -> None:
        self._never.wait(self._interval_s)


def _pace(interval: str) -> _Pace:
    length = duration_s(interval) or 0.0
    if not _SHORTEST_S <= length <= threading.TIMEOUT_MAX:
        raise UsageError(f"--interval={interval}: write a duration such as 30s or 5m")
    return _Pace(length)

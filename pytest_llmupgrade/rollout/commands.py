"""`llmupgrade rollout status|watch|kill|reset`: read the evidence, act on it, say so."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import LlmUpgradeError, UsageError
from pytest_llmupgrade.rollout.loading import load_rollout, seconds
from pytest_llmupgrade.rollout.observing import Look, iso, look, settle
from pytest_llmupgrade.rollout.policy import kill_file, kill_reason, sink_folder
from pytest_llmupgrade.rollout.state_file import read_history, write_state
from pytest_llmupgrade.rollout.states import State
from pytest_llmupgrade.rollout.status_lines import status_lines, status_plain

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

_STOPPED = ("rolled_back", "killed")
_CLEAR = "\x1b[H\x1b[2J"
_SHORTEST_S = 0.2


def status(options: argparse.Namespace) -> int:
    """Print how the rollout stands; on a terminal again and again."""
    if options.once or options.format == "json" or not sys.stdout.isatty():
        return _print_status(options, _now(options))
    pace = _pace(options.interval)
    while True:
        sys.stdout.write(_CLEAR)
        _print_status(options, _now(options))
        sys.stdout.write(f"\nat {iso(_now_ms())}, every {options.interval}; Ctrl-C ends\n")
        sys.stdout.flush()
        pace.wait()


def watch(options: argparse.Namespace) -> int:
    """Evaluate, write the state, roll back where there is harm; exit code 1 where the new arm is stopped."""
    if options.once:
        return 1 if _watched(options, None).name in _STOPPED else 0
    pace = _pace(options.interval)
    before: State | None = None
    while True:
        try:
            before = _watched(options, before)
        except LlmUpgradeError as error:  # a broken edit or a full disk is no reason to stop watching
            sys.stderr.write(f"{iso(_now_ms())} {error}\n")
        pace.wait()


def kill(options: argparse.Namespace) -> int:
    """Stop the new arm in every process that sees the folder, within two seconds."""
    rollout = load_rollout(options.file)
    path = kill_file(rollout, options.file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{iso(_now_ms())} {options.why}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    _write(options.file, State(rollout=rollout.id, name="killed", step=rollout.percent, why=options.why))
    _say(f"{rollout.id}: killed; every request goes to the old arm. llmupgrade rollout reset ends it")
    return 0


def reset(options: argparse.Namespace) -> int:
    """Take a kill back; a rollback only with --rolled-back, for its harm may still be there."""
    rollout = load_rollout(options.file)
    before = read_history(sink_folder(rollout, options.file)).last
    latched = before is not None and before.rollout == rollout.id and before.latched
    if latched and before is not None and not options.rolled_back:
        raise UsageError(
            f"{rollout.id} was rolled back: {before.why}. Mend it and give the rollout a new id; "
            "reset --rolled-back goes on with this one"
        )
    kill_file(rollout, options.file).unlink(missing_ok=True)
    still = kill_reason(rollout, options.file)
    if still is not None:
        raise UsageError(f"{rollout.id} is still {still}: unset it where the service runs")
    _write(options.file, State(rollout=rollout.id, name="hold", step=rollout.percent, why="reset by hand"))
    _say(f"{rollout.id}: reset; {rollout.percent:g} % go to the new arm again")
    return 0


# --- the parts -------------------------------------------------------------------------------------


def _print_status(options: argparse.Namespace, seen: Look) -> int:
    if options.format == "json":
        _say(json.dumps(status_plain(seen), indent=1))
    else:
        for line in status_lines(seen, colour=_has_colour()):
            _say(line)
    return 0


def _watched(options: argparse.Namespace, before: State | None) -> State:
    """Look, write, and tell what is new."""
    seen = _now(options)
    state = settle(options.file, seen)
    if before is None or (before.rollout, before.name, before.step) != (
        state.rollout,
        state.name,
        state.step,
    ):
        name = state.name.replace("_", " ")
        _say(f"{iso(seen.at_ms)} {state.rollout} at {state.step:g} %: {name}: {state.why}")
    return state


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _now(options: argparse.Namespace) -> Look:
    return look(options.file, now_ms=_now_ms(), records=options.records)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _write(file: Path, state: State) -> None:
    write_state(sink_folder(load_rollout(file), file), lambda _: state, at=iso(_now_ms()))


class _Pace:
    """Waits between two looks; Ctrl-C ends the wait."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._never = threading.Event()

    def wait(self) -> None:
        self._never.wait(self._interval_s)


def _pace(interval: str) -> _Pace:
    try:
        length = seconds(interval)
    except (ValueError, KeyError):
        length = 0.0
    if length < _SHORTEST_S:
        raise UsageError(f"--interval={interval}: write a duration such as 30s or 5m")
    return _Pace(length)


def _has_colour() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()

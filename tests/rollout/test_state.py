"""Where a rollout stands, and the file that says so."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.gate import evaluate
from pytest_llmupgrade.rollout.policy import MOST_STATE, Watch
from pytest_llmupgrade.rollout.state_file import History, read_history, write_state
from pytest_llmupgrade.rollout.states import State, state_of
from tests.rollout.counting import DAY_MS, NOW_MS, arm_counts, equal, step_counts
from tests.rollout.making import changed, rollout

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_llmupgrade.rollout.rollups import Counts, Key
    from pytest_llmupgrade.rollout.states import StateName

AT = "2026-11-23T12:00:00+00:00"
HARM = step_counts(arm_counts(2_000, {"error": 60}), arm_counts(38_000, {"error": 380}, first=10**9))
ROLLED_BACK = State(rollout="gpt-4o-2026-11", name="rolled_back", step=5, why="error")
PILOT = State(rollout="gpt-4o-2026-11", name="pilot", step=5, why="few requests")
TIMED = (
    ("{percent: 25, max", "{percent: 25, min_duration: 24h, max"),
    ("{percent: 50, max", "{percent: 50, min_duration: 24h, max"),
)
"""Steps with an end, which `on_inconclusive: rollback` and `promote` need."""


def stands(
    counts: dict[Key, Counts],
    *changes: tuple[str, str],
    before: State | None = None,
    killed: str | None = None,
) -> State:
    """Return where the documentation's rollout stands."""
    declared = rollout(*changes)
    reading = evaluate(declared, counts, now_ms=NOW_MS)
    return state_of(declared, reading, before=before, killed=killed)


def test_the_way_of_a_good_rollout() -> None:
    """Nothing recorded is a pilot, enough of it is ready, all of the traffic is complete."""
    assert stands({}).name == "pilot"
    assert stands(equal()).name == "ready"
    assert stands(equal()).why == "every check passes: raise percent from 5 to 25"
    full = step_counts(arm_counts(1_000), arm_counts(0), step=100)
    complete = stands(full, ("percent: 5\n", "percent: 100\n"))
    assert complete.name == "complete"
    assert complete.why.endswith(
        "; not watched any more, for only max_share needs no old arm: error, slow, bad"
    )


def test_harm_rolls_back_and_stays() -> None:
    """Harm is a rollback with its figures; what is read later does not end it, a new id does."""
    assert stands(HARM).name == "rolled_back"
    assert "3.00x as often" in stands(HARM).why
    assert stands(equal(), before=ROLLED_BACK) == ROLLED_BACK
    again = stands({}, ("id: gpt-4o-2026-11", "id: second"), before=ROLLED_BACK)
    assert (again.name, again.rollout) == ("pilot", "second")


@pytest.mark.parametrize(
    ("word", "name"),
    [("hold", "hold"), ("extend", "pilot"), ("rollback", "rolled_back"), ("promote", "ready")],
)
def test_a_step_that_is_over_and_not_decided(word: str, name: str) -> None:
    """on_inconclusive says what becomes of a step that lasted long enough without evidence."""
    changes = [("on_inconclusive: hold", f"on_inconclusive: {word}"), *TIMED]
    assert stands(equal(2_000), *changes).name == name
    early = {key: replace(each, first_ms=NOW_MS - DAY_MS // 2) for key, each in equal(2_000).items()}
    assert stands(early, *changes).name == "pilot"


def test_promote_does_not_hide_a_fault() -> None:
    """on_inconclusive concerns lacking evidence, never a mismatch of units or stale records."""
    mismatch = step_counts(arm_counts(3_000), arm_counts(37_000, first=10**9))
    assert stands(mismatch, ("on_inconclusive: hold", "on_inconclusive: promote"), *TIMED).name == "hold"


def test_who_killed_it_is_kept() -> None:
    """A watcher that sees the kill file keeps the words of whoever wrote it."""
    by_hand = State(rollout="gpt-4o-2026-11", name="killed", step=5, why="answers in French")
    assert stands(equal(), before=by_hand, killed="killed by the file KILL").why == "answers in French"
    other = State(rollout="first", name="killed", step=5, why="answers in French")
    assert stands(equal(), before=other, killed="killed by the file KILL").why == "killed by the file KILL"


def test_other_states() -> None:
    """A kill, shadow mode and 0 % are what they are; harm is a rollback under a kill, too, for a kill is taken back."""
    assert stands(equal(), killed="killed by the file KILL").name == "killed"
    assert stands(HARM, killed="killed by the file KILL").name == "rolled_back"
    shadow = (("mode: live", "mode: shadow"), ("percent: 5\n", "percent: 0\n"))
    assert stands(HARM, *shadow).name == "shadow"
    assert stands(HARM, ("percent: 5\n", "percent: 0\n")).name == "hold"


def test_the_file_keeps_the_history(tmp_path: Path) -> None:
    """Each change of state is kept with its time; the same state with other figures began when it did."""
    later = State(rollout=PILOT.rollout, name="pilot", step=5, why="some more requests")
    for at, state in (("first", PILOT), ("second", later), (AT, ROLLED_BACK)):
        assert write_state(tmp_path, PILOT.rollout, lambda _, state=state: state, at=at) == state  # type: ignore[misc]
    history = read_history(tmp_path)
    assert [(change.at, change.state) for change in history.changes] == [("first", later), (AT, ROLLED_BACK)]
    plain = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))
    assert (plain["rollout"], plain["state"], plain["since"]) == ("gpt-4o-2026-11", "rolled_back", AT)


def test_a_rollback_outlives_another_rollout(tmp_path: Path) -> None:
    """A rollout whose id comes back is still rolled back, however many states of others were written meanwhile."""
    history = History().then("first", ROLLED_BACK)
    for number in range(1200):
        name: StateName = "hold" if number % 2 else "pilot"
        history = history.then(str(number), State(rollout="second", name=name, step=5, why=""))
    assert history.of(ROLLED_BACK.rollout) == ROLLED_BACK
    assert len(history.changes) <= 501
    write_state(tmp_path, PILOT.rollout, lambda _: ROLLED_BACK, at=AT)
    write_state(tmp_path, "second", lambda _: State(rollout="second", name="pilot", step=5, why=""), at=AT)
    path = tmp_path / "rollout.yaml"
    path.write_text(changed(("path: ./pilot", "path: .")), encoding="utf-8")
    assert "rolled back, says" in (Watch(path).look().stopped or "")


def test_two_watchers_never_undo_a_rollback(tmp_path: Path) -> None:
    """A watcher that looked before the harm and writes after the rollback leaves the rollback in place."""
    declared = rollout()
    early, late = (evaluate(declared, counts, now_ms=NOW_MS) for counts in ({}, HARM))
    readings = [early, late] * 10

    def write(index: int) -> None:
        write_state(
            tmp_path,
            declared.id,
            lambda before: state_of(declared, readings[index], before=before, killed=None),
            at=AT,
        )

    threads = [threading.Thread(target=write, args=(index,)) for index in range(len(readings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [change.state.name for change in read_history(tmp_path).changes]
    assert names[-1] == "rolled_back"
    assert names.count("rolled_back") == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"history": 7}',
        '{"history": [{"at": "", "state": "unheard of"}]}',
        '{"history": [{"at": "", "state": "hold", "rollout": "x", "why": "", "step": 1%s}]}' % ("0" * 400),
    ],
    ids=range(7),
)
def test_a_broken_state_file_is_not_overwritten(tmp_path: Path, text: str) -> None:
    """A state file that cannot be read may hold a rollback: it is named, and stays as it is."""
    (tmp_path / "state.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="it may hold a rollback"):
        write_state(tmp_path, PILOT.rollout, lambda _: PILOT, at=AT)
    assert (tmp_path / "state.json").read_text(encoding="utf-8") == text


def test_a_state_that_is_no_file_is_one_line(tmp_path: Path) -> None:
    """A pipe would never end, and an endless file would fill the memory: both are told instead."""
    os.mkfifo(tmp_path / "state.json")
    with pytest.raises(UsageError, match="it is no file"):
        read_history(tmp_path)
    (tmp_path / "state.json").unlink()
    with (tmp_path / "state.json").open("wb") as file:
        file.truncate(MOST_STATE + 1)
    with pytest.raises(UsageError, match="it is longer than 10,000,000 bytes"):
        read_history(tmp_path)

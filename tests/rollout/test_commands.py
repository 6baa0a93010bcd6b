"""`llmupgrade rollout status|watch|kill|reset`, as typed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade import ModelRouter
from pytest_llmupgrade.cli import main
from pytest_llmupgrade.rollout import commands
from pytest_llmupgrade.rollout.observing import look
from pytest_llmupgrade.rollout.page import Page
from pytest_llmupgrade.rollout.rollups import Counts, Key
from pytest_llmupgrade.rollout.state_file import read_history
from pytest_llmupgrade.rollout.status_lines import status_lines
from tests import golden
from tests.rollout.counting import NOW_MS, arm_counts, equal, step_counts
from tests.rollout.sinks import write_records, write_rollout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HARM = step_counts(arm_counts(2_000, {"error": 60}), arm_counts(38_000, {"error": 380}, first=10**9))
MISMATCH = step_counts(arm_counts(3_000), arm_counts(37_000, first=10**9))
SHADOW = (("mode: live", "mode: shadow"), ("percent: 5\n", "percent: 0\n"))
SCENES: dict[str, tuple[dict[Key, Counts], tuple[tuple[str, str], ...]]] = {
    "nothing": ({}, ()),
    "few": (equal(4_000), ()),
    "ready": (equal(), ()),
    "harm": (HARM, ()),
    "mismatch": (MISMATCH, ()),
    "stale": ({key: replace(each, last_ms=NOW_MS - 9 * 3_600_000) for key, each in equal().items()}, ()),
    "complete": (
        step_counts(arm_counts(9_000, {"error": 80}), Counts(), step=100),
        (("percent: 5\n", "percent: 100\n"),),
    ),
    "shadow": (
        {replace(key, mode="shadow", step=0.0): each for key, each in equal(800).items()},
        SHADOW,
    ),
}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock at the records' hour, with no kill switch of the developer's own."""
    monkeypatch.setattr(commands, "_now_ms", lambda: NOW_MS)
    monkeypatch.delenv("LLMUPGRADE_ROLLOUT_KILL", raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which the commands are typed."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def states(folder: Path) -> list[str]:
    """Return the names of the states that the sink's file has seen."""
    return [change.state.name for change in read_history(folder / "pilot").changes]


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("scene", SCENES)
def test_the_table(folder: Path, scene: str, width: int) -> None:
    """What `status` shows of each situation is as reviewed, and nothing is wider than the terminal."""
    counts, changes = SCENES[scene]
    path = write_rollout(folder, *changes)
    write_records(folder / "pilot", counts)
    lines = list(status_lines(look(path, now_ms=NOW_MS), Page(width=width, colour=False)))
    assert max(map(len, lines)) <= width
    golden.check(f"rollout/status_{scene}_{width}.txt", "\n".join(lines) + "\n")


def test_colours(folder: Path) -> None:
    """Only the state and the findings are coloured."""
    path = write_rollout(folder)
    write_records(folder / "pilot", HARM)
    seen = look(path, now_ms=NOW_MS)
    plain, coloured = (list(status_lines(seen, Page(width=80, colour=colour))) for colour in (False, True))
    assert [line for line, other in zip(plain, coloured, strict=True) if line != other] == [
        line
        for line in plain
        if "ROLLED" in line or "NOT IN FORCE" in line or line[2:6] in ("harm", "pass", "lack", "wron")
    ]


def test_status_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`status` without a terminal prints once, changes nothing, and ends with 0 whatever it found."""
    write_rollout(folder)
    write_records(folder / "pilot", HARM)
    assert main(["rollout", "status"]) == 0
    assert "gpt-4o-2026-11: ROLLED BACK at 5 %" in capsys.readouterr().out
    assert not (folder / "pilot" / "state.json").exists()


def test_status_for_machines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--format json` is versioned JSON with every figure of the table."""
    write_rollout(folder)
    write_records(folder / "pilot", equal(4_000))
    assert main(["rollout", "status", "--format", "json"]) == 0
    text = capsys.readouterr().out
    golden.check("rollout/status_few.json", text)
    plain = json.loads(text, parse_constant=pytest.fail)
    assert (plain["schema"], plain["state"], plain["latched"]) == (
        "llmupgrade-rollout-status/1",
        "hold",
        False,
    )
    assert plain["need"]["requests"] == max(check["more_requests"] or 0 for check in plain["checks"])


def test_a_need_beyond_the_calendar(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the evidence would take longer than the calendar has years, no date is named, and nothing fails."""
    write_rollout(folder, ("24h, max_ratio: 3}", "24h, max_ratio: 1.1}"))
    slow = {key: replace(each, first_ms=0) for key, each in equal(4_000).items()}
    write_records(folder / "pilot", {key: replace(each, requests=1) for key, each in slow.items()})
    assert main(["rollout", "status"]) == 0
    assert "until about" not in capsys.readouterr().out
    assert main(["rollout", "status", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["need"]["at"] is None


def test_records_of_other_hosts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--records` counts another host's folder as if it stood in the sink."""
    write_rollout(folder)
    new, old = (dict([item]) for item in equal().items())
    write_records(folder / "pilot", new)
    write_records(folder / "elsewhere", old, process="host-2-b")
    assert main(["rollout", "status", "--records", "elsewhere"]) == 0
    assert "READY at 5 %" in capsys.readouterr().out
    assert main(["rollout", "status", "--records", "nowhere"]) == 2
    assert capsys.readouterr().err == "nowhere: there is no such folder of records\n"


def test_a_rollback_among_the_records_of_other_hosts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rollback that another host's records bring along is this rollout's: status tells it, and watch writes it here, too."""
    write_rollout(folder)
    write_records(folder / "pilot", HARM)
    assert main(["rollout", "watch", "--once"]) == 1
    (folder / "copy").mkdir()
    (folder / "pilot" / "state.json").rename(folder / "copy" / "state.json")
    write_records(folder / "pilot", equal())
    assert main(["rollout", "watch", "--once"]) == 0
    capsys.readouterr()
    assert main(["rollout", "status", "--records", "copy"]) == 0
    shown = capsys.readouterr().out
    assert "ROLLED BACK at 5 %" in shown
    assert "NOT IN FORCE" in shown
    assert main(["rollout", "watch", "--once", "--records", "copy"]) == 1
    assert states(folder) == ["ready", "rolled_back"]
    (folder / "pilot" / "state.json").unlink()
    (folder / "copy" / "state.json").write_text("{", encoding="utf-8")
    assert main(["rollout", "status", "--records", "copy"]) == 2
    assert "copy: state.json: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scene", "code", "state"),
    [("nothing", 0, "pilot"), ("ready", 0, "ready"), ("mismatch", 0, "hold"), ("harm", 1, "rolled_back")],
)
def test_watch_once(
    folder: Path, capsys: pytest.CaptureFixture[str], scene: str, code: int, state: str
) -> None:
    """`watch --once` writes the state, says it in one line, and ends with 1 only where the new arm is stopped."""
    write_rollout(folder, *SCENES[scene][1])
    write_records(folder / "pilot", SCENES[scene][0])
    assert main(["rollout", "watch", "--once"]) == code
    assert states(folder) == [state]
    out = capsys.readouterr().out
    assert out.startswith("2027-01-15T08:00:00+00:00 gpt-4o-2026-11 at 5 %: ")
    assert out.count("\n") == 1


def test_a_rollback_stops_the_router(folder: Path) -> None:
    """What `watch` writes is what the router of the product goes by, until the rollout has a new id."""
    path = write_rollout(folder)
    write_records(folder / "pilot", HARM)
    router = ModelRouter.from_file(path)
    assert router.health().percent == 5
    assert main(["rollout", "watch", "--once"]) == 1
    router.poll()
    assert (router.health().percent, "rolled back" in (router.health().stopped or "")) == (0, True)
    write_rollout(folder, ("id: gpt-4o-2026-11", "id: mended"))
    router.poll()
    assert router.health().percent == 5
    router.close()


def test_a_rollback_is_latched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither better records, nor a kill, nor a reset end a rollback; a new id does, and the old one stays latched."""
    write_rollout(folder)
    write_records(folder / "pilot", HARM)
    assert main(["rollout", "watch", "--once"]) == 1
    write_records(folder / "pilot", equal())
    assert main(["rollout", "watch", "--once"]) == 1
    assert main(["rollout", "kill"]) == 0
    assert states(folder) == ["rolled_back"]
    assert main(["rollout", "reset"]) == 2
    golden.check("rollout/reset_of_a_rollback.txt", capsys.readouterr().err)
    (folder / "pilot" / "KILL").unlink()
    write_rollout(folder, ("id: gpt-4o-2026-11", "id: mended"))
    assert main(["rollout", "watch", "--once"]) == 0
    write_rollout(folder)
    assert main(["rollout", "watch", "--once"]) == 1
    assert states(folder) == ["rolled_back", "pilot", "rolled_back"]


def test_kill_and_reset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A kill stops the router with its reason in the history, a reset lets it go on, and each says what it did."""
    path = write_rollout(folder)
    write_records(folder / "pilot", equal())
    router = ModelRouter.from_file(path)
    assert main(["rollout", "kill", "--why", "answers\nin French"]) == 0
    router.poll()
    assert router.health().percent == 0
    assert main(["rollout", "watch", "--once"]) == 1
    last = read_history(folder / "pilot").of("gpt-4o-2026-11")
    assert last is not None
    assert (last.name, last.why) == ("killed", "answers in French")
    assert main(["rollout", "reset"]) == 0
    router.poll()
    assert router.health().percent == 5
    assert main(["rollout", "watch", "--once"]) == 0
    assert states(folder) == ["killed", "hold", "ready"]
    assert main(["rollout", "reset"]) == 0
    golden.check("rollout/kill_and_reset.txt", capsys.readouterr().out)
    router.close()


def test_reset_cannot_unset_a_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kill by the environment is not taken back by a command, and is said to be so."""
    write_rollout(folder)
    monkeypatch.setenv("LLMUPGRADE_ROLLOUT_KILL", "1")
    assert main(["rollout", "reset"]) == 2
    assert "unset it where the service runs" in capsys.readouterr().err


def test_a_kill_needs_no_readable_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The switch is thrown, too, where the state file cannot be read; that is said, and the file stays as it is."""
    path = write_rollout(folder)
    (folder / "pilot").mkdir()
    (folder / "pilot" / "state.json").write_text("{", encoding="utf-8")
    router = ModelRouter.from_file(path)
    assert main(["rollout", "kill"]) == 0
    router.poll()
    assert router.health().percent == 0
    assert "it may hold a rollback" in capsys.readouterr().err
    assert (folder / "pilot" / "state.json").read_text(encoding="utf-8") == "{"
    router.close()


def test_harm_needs_no_readable_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where harm cannot be written into a damaged state, `watch` throws the kill switch, once, and says so; status does not."""
    path = write_rollout(folder)
    write_records(folder / "pilot", HARM)
    state, kill = folder / "pilot" / "state.json", folder / "pilot" / "KILL"
    state.write_text('{"rollout": "gpt-4o-2026-11", "sta', encoding="utf-8")
    assert main(["rollout", "status"]) == 2
    assert not kill.exists()
    assert main(["rollout", "watch", "--once"]) == 2
    assert "it may hold a rollback" in (said := capsys.readouterr().err)
    assert f"the new arm is stopped by {kill.relative_to(folder)}" in said
    assert "error: 3.00x as often" in kill.read_text(encoding="utf-8")
    assert state.read_text(encoding="utf-8") == '{"rollout": "gpt-4o-2026-11", "sta'
    kill.write_text("somebody's words", encoding="utf-8")
    assert main(["rollout", "watch", "--once"]) == 2
    assert kill.read_text(encoding="utf-8") == "somebody's words"
    state.unlink()
    kill.unlink()
    assert main(["rollout", "watch", "--once"]) == 1
    assert states(folder) == ["rolled_back"]
    assert look(path, now_ms=NOW_MS).recorded is not None


def test_no_harm_kills_nothing(folder: Path) -> None:
    """A damaged state alone is told and throws no switch: the routers that see it keep the new arm off themselves."""
    write_rollout(folder)
    write_records(folder / "pilot", equal())
    (folder / "pilot" / "state.json").write_text("{", encoding="utf-8")
    assert main(["rollout", "watch", "--once"]) == 2
    assert not (folder / "pilot" / "KILL").exists()


FAULTS: dict[str, tuple[list[str], str | None, str | None]] = {
    "no file": (["status"], None, None),
    "broken file": (["watch", "--once"], "rollout: {id: [", None),
    "kill with a broken file": (["kill"], "rollout: {id: [", None),
    "broken state": (["status"], "", "{"),
    "broken state, watch": (["watch", "--once"], "", '{"history": 7}'),
    "broken state, reset": (["reset"], "", "[]"),
    "interval": (["watch", "--interval", "soon"], "", None),
    "short interval": (["watch", "--interval", "1ms"], "", None),
}


def test_errors_read_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mistake is told in words that say what to do, with exit code 2; reviewed as a page."""
    page = []
    for name, (arguments, text, state) in FAULTS.items():
        file = folder / "rollout.yaml"
        file.unlink(missing_ok=True)
        if text is not None:
            write_rollout(folder)
        if text:
            file.write_text(text, encoding="utf-8")
        (folder / "pilot").mkdir(exist_ok=True)
        (folder / "pilot" / "state.json").unlink(missing_ok=True)
        if state is not None:
            (folder / "pilot" / "state.json").write_text(state, encoding="utf-8")
        assert main(["rollout", *arguments]) == 2, name
        page.append(f"# {name}: llmupgrade rollout {' '.join(arguments)}\n{capsys.readouterr().err}")
    golden.check("rollout/errors.txt", "\n".join(page))


def test_control_sequences_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What somebody wrote into the state file or the rollout file never acts on the terminal."""
    write_rollout(folder, ("model: gpt-4o", 'model: "gpt\\e]0;x\\a"'))
    write_records(folder / "pilot", HARM)
    assert main(["rollout", "watch", "--once"]) == 1
    path = folder / "pilot" / "state.json"
    plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    plain["history"][0]["why"] = "\x1b]0;owned\x07\nfree"
    path.write_text(json.dumps(plain), encoding="utf-8")
    for arguments in (["status"], ["watch", "--once"], ["reset"]):
        main(["rollout", *arguments])
        shown = capsys.readouterr()
        assert "\x1b" not in shown.out + shown.err
        assert "\x07" not in shown.out + shown.err


def test_two_watchers_at_once(folder: Path) -> None:
    """Two watching processes on one sink agree on one rollback, written once, in a file that is whole."""
    path = write_rollout(folder)
    write_records(folder / "pilot", HARM)
    code = "import sys; from pytest_llmupgrade.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "rollout", "watch", "--interval", "200ms", str(path)]
    watchers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603  our own code
        for _ in range(2)
    ]
    told = [watcher.stdout.readline() for watcher in watchers if watcher.stdout is not None]
    write_records(folder / "pilot", equal())
    again = main(["rollout", "watch", "--once"])
    for watcher in watchers:
        watcher.terminate()
    errors = [watcher.communicate(timeout=60)[1] for watcher in watchers]
    assert [" rolled back: error: 3.00x as often" in line for line in told] == [True, True]
    assert (again, errors, states(folder)) == (1, ["", ""], ["rolled_back"])
    assert sorted(each.name for each in (folder / "pilot").iterdir()) == [
        "rollups-host-1-a.jsonl",
        "state.json",
        "state.lock",
    ]


def test_a_shadow_is_compared_in_pairs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In shadow mode both arms answer the same requests: who failed alone, and the difference with its interval."""
    write_rollout(folder, *SHADOW)
    lines = []
    for number in range(200):
        event = {
            "seq": 2 * number,
            "v": 1,
            "t": NOW_MS,
            "rollout": "gpt-4o-2026-11",
            "mode": "shadow",
            "step": 0.0,
        }
        event |= {"call": f"c{number}", "unit": f"{number:016x}", "ms": 800.0}
        old = {"type": "call", "arm": "old", "served": "old", "hits": ["error"] if number % 40 == 0 else []}
        new = {
            "type": "shadow",
            "arm": "new",
            "served": "new",
            "hits": ["error", "slow"] if number % 10 == 0 else [],
        }
        lines += [{**event, **old}, {**event, **new, "seq": 2 * number + 1}]
    (folder / "pilot").mkdir()
    text = "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)
    (folder / "pilot" / "events-host-1-a-00001.jsonl").write_text(text, encoding="utf-8")
    assert main(["rollout", "status"]) == 0
    golden.check("rollout/status_shadow_pairs.txt", capsys.readouterr().out)
    assert main(["rollout", "status", "--format", "json"]) == 0
    errors, slow = json.loads(capsys.readouterr().out)["pairs"]
    assert (errors["requests"], errors["new_alone"], errors["old_alone"]) == (200, 15, 0)
    assert slow["difference"][0] == pytest.approx(0.1)
    assert slow["difference"][1] < 0.1 < slow["difference"][2]


def test_harm_that_nobody_acts_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`status` acts on nothing, so harm that no watcher has acted on is said to be in no force yet."""
    write_rollout(folder)
    write_records(folder / "pilot", HARM)
    main(["rollout", "status"])
    assert "NOT IN FORCE: the new arm is still served" in capsys.readouterr().out
    main(["rollout", "watch", "--once"])
    main(["rollout", "status"])
    assert "NOT IN FORCE" not in capsys.readouterr().out


def between_looks(monkeypatch: pytest.MonkeyPatch, *actions: Callable[[], object]) -> None:
    """Do something instead of each wait; press Ctrl-C when there is nothing left to do."""
    todo = iter(actions)

    def wait(_pace: object) -> None:
        action = next(todo, None)
        if action is None:
            raise KeyboardInterrupt
        action()

    monkeypatch.setattr(commands._Pace, "wait", wait)


def test_the_live_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal the table is drawn over itself, within its window; a broken edit shows, and ends nothing."""
    file = write_rollout(folder)
    write_records(folder / "pilot", equal())
    between_looks(
        monkeypatch,
        lambda: file.write_text("rollout: {id: [", encoding="utf-8"),
        lambda: write_rollout(folder),
    )
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name, value in (("COLUMNS", "80"), ("LINES", "20"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    assert main(["rollout", "status"]) == 130
    _, _, first, broken, mended = capsys.readouterr().out.split("\x1b[H")
    assert first == mended
    assert "READY at 5 %" in first
    assert first.count("\n") == 19
    assert "(a higher window shows more)" in first
    assert "rollout.yaml:2: not valid YAML" in broken


def test_watching_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken edit is told once and ends no watch; once it is mended, harm is acted on."""
    file = write_rollout(folder)
    write_records(folder / "pilot", equal())
    between_looks(
        monkeypatch,
        lambda: file.write_text("rollout: {id: [", encoding="utf-8"),
        lambda: None,
        lambda: write_rollout(folder),
        partial(write_records, folder / "pilot", HARM),
    )
    assert main(["rollout", "watch"]) == 130
    told = capsys.readouterr()
    assert [line.split(": ")[1] for line in told.out.splitlines()] == ["ready", "rolled back"]
    assert told.err.count("not valid YAML") == 1
    assert states(folder) == ["ready", "rolled_back"]

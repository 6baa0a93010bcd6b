from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.kept import places
from pytest_llmupgrade.kept.wire import End, Shard
from tests.kept.making import head, keep, record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of a project, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def two_runs(folder: Path) -> None:
    """Keep a run of `old` and a run of `new`, which breaks a case."""
    keep(folder / "old.jsonl", [record("a", "old"), record("b", "old")], head(["old"]))
    keep(folder / "new.jsonl", [record("a", "new", "missed"), record("b", "new")], head(["new"]))


def test_compare(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`compare` prints the report of a run, writes its JSON, and ends with 1 where something broke."""
    two_runs(folder)
    assert main(["compare", "old.jsonl", "new.jsonl", "--report=sub/out.json"]) == 1
    shown = capsys.readouterr().out
    assert "new against old, 2 cases paired" in shown
    assert "was: old says passed" in shown
    assert "\x1b" not in shown
    report = json.loads((folder / "sub/out.json").read_text())
    assert report["comparisons"][0]["broke"] == ["evals/eval_a.yaml::a"]
    assert len(report["cases"]) == 4


def test_the_margin_is_that_of_the_settings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Compare, merge and report judge by `--margin`, else by the project's own, as a run of pytest does."""
    two_runs(folder)
    main(["compare", "old.jsonl", "new.jsonl"])
    assert "5 pp" in capsys.readouterr().out
    (folder / "pyproject.toml").write_text("[tool.llmupgrade.gate]\nmargin = 7\n")
    main(["compare", "old.jsonl", "new.jsonl"])
    assert "7 pp" in capsys.readouterr().out
    main(["compare", "old.jsonl", "new.jsonl", "--margin=9"])
    assert "9 pp" in capsys.readouterr().out
    assert main(["report", "old.jsonl", "--margin=0"]) == 2
    assert "write percentage points from" in capsys.readouterr().err


def test_a_run_keeps_its_own_margin_and_look(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that was given --llm-margin and --llm-look is rendered with them, unless --margin says otherwise."""
    both = [record("a", name) for name in ("old", "new")]
    keep(folder / "run.jsonl", both, head(["old", "new"], margin=2.0, look=2))
    (folder / "pyproject.toml").write_text("[tool.llmupgrade.gate]\nmargin = 7\nlooks = 2\n")
    main(["report", "run.jsonl"])
    shown = capsys.readouterr().out
    assert "the margin of 2 pp" in shown
    assert "look 2 of 2 planned" in shown
    main(["report", "run.jsonl", "--margin=9"])
    assert "the margin of 9 pp" in capsys.readouterr().out


def test_compare_without_a_regression(folder: Path) -> None:
    """`compare` ends with 0 where nothing broke."""
    two_runs(folder)
    assert main(["compare", "new.jsonl", "old.jsonl"]) == 0


def test_refusals_are_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be compared, read or written ends with 2 and lines on stderr."""
    two_runs(folder)
    keep(folder / "other.jsonl", [record("z", "new")], head(["new"]))
    (folder / "notes.txt").write_text("mine")
    for arguments, words in (
        (
            ["compare", "old.jsonl", "other.jsonl"],
            "old.jsonl and other.jsonl cannot be compared:\n  - another suite",
        ),
        (["compare", "old.jsonl", "gone.jsonl"], "gone.jsonl: no such run"),
        (["compare", "old.jsonl", "notes.txt"], "notes.txt:1: no kept run"),
        (
            ["compare", "old.jsonl", "new.jsonl", "--report=x.doc"],
            "--report=x.doc: the suffix names the format",
        ),
        (
            ["compare", "old.jsonl", "new.jsonl", "--report=notes.txt/x.json"],
            "notes.txt/x.json: cannot be written",
        ),
        (
            ["merge", "old.jsonl", "new.jsonl", "-o", "notes.txt"],
            "-o notes.txt: holds something else than a kept run",
        ),
        (["merge", "old.jsonl", "new.jsonl", "-o", "old.jsonl"], "-o old.jsonl: is one of the runs to join"),
        (
            ["merge", "old.jsonl", "old.jsonl"],
            "the runs cannot be joined:\n  - 2 items in old.jsonl and in old.jsonl",
        ),
    ):
        assert main(arguments) == 2, arguments
        assert words in capsys.readouterr().err
    assert (folder / "notes.txt").read_text() == "mine"


def test_merge(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`merge` prints the whole's report and keeps it as a run that `compare` takes."""
    for number, case in ((1, "a"), (2, "b")):
        keep(
            folder / f"{number}.jsonl",
            [record(case, "old"), record(case, "new", "missed" if case == "b" else "passed")],
            head(shard=Shard(number=number, count=2)),
            End(planned={"old": 1, "new": 1}, live=2, spent_usd=Decimal("0.5")),
        )
    assert main(["merge", "1.jsonl", "2.jsonl", "-o", "all/run.jsonl", "--report=out.json"]) == 1
    assert "new against old, 2 cases paired" in capsys.readouterr().out
    assert json.loads((folder / "out.json").read_text())["calls"]["spent_usd"] == "1.0"
    assert main(["compare", "all/run.jsonl", "all/run.jsonl"]) == 1


@pytest.mark.parametrize("arguments", [("compare", "--common"), ("merge",)])
def test_a_killed_run_is_told_of(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """`compare` and `merge` name the run that was killed, and the report says that it is one of a part."""
    keep(folder / "a.jsonl", [record(case, "old") for case in "abc"], head(["old"], planned={"old": 3}))
    keep(folder / "b.jsonl", [record("a", "new")], head(["new"], planned={"new": 3}))
    lines = (folder / "b.jsonl").read_text().splitlines(keepends=True)
    (folder / "b.jsonl").write_text("".join(lines[:-1]))
    main([arguments[0], "a.jsonl", "b.jsonl", *arguments[1:], "--report=out.md"])
    told = capsys.readouterr()
    assert told.err == "llmupgrade: b.jsonl did not finish (killed): 1 of 3 items in it\n"
    assert "not finished (killed): these are the figures of a part" in told.out
    assert "next: finish the run, which ended early (killed)" in told.out
    assert "these are the figures of a part" in (folder / "out.md").read_text()


def test_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`runs` lists what is kept, newest first, also where a file is broken."""
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.startswith("no runs in .pytest_cache/d/llmupgrade/runs; ")
    cache = folder / places.FOLDER
    cache.mkdir(parents=True)
    keep(cache / "20261123T120000Z-1.jsonl", [record("a", "old")], head(["old"]))
    keep(
        cache / "20261124T120000Z-1.jsonl",
        [record("a", "new")],
        head(["new"]),
        End(exit_reason="interrupted"),
    )
    (cache / "20261125T120000Z-1.jsonl").write_text("broken")
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"202611{day}T120000Z-1" for day in (25, 24, 23)]
    assert "no kept run" in lines[0]
    assert lines[1].endswith("1 item  new  (interrupted)")
    assert main(["compare", "20261123T120000Z-1", "last~1"]) == 0


def test_only_the_newest_are_kept(folder: Path) -> None:
    """The cache folder holds a bounded number of runs, and other files in it are left alone."""
    for day in range(10, 20):
        (folder / f"202611{day}T120000Z-1.jsonl").write_text("")
    (folder / "mine.jsonl").write_text("")
    places.prune(folder, most=3)
    assert [path.name[6:8] for path in places.kept_in(folder)] == ["17", "18", "19"]
    assert (folder / "mine.jsonl").exists()


def test_two_runs_of_one_second(folder: Path) -> None:
    """A process that runs pytest twice within a second overwrites nothing, and the later run is the last."""
    now = dt.datetime(2026, 11, 25, 10, 0, 0, tzinfo=dt.UTC)
    first = places.new_place(folder, now, 7)
    first.write_text("")
    second = places.new_place(folder, now, 7)
    assert (first.name, second.name) == ("20261125T100000Z-7.jsonl", "20261125T100000Z-8.jsonl")

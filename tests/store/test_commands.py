"""`llmupgrade store`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.model import Completion, Request
from pytest_llmupgrade.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """Return the path of a store with two answers."""
    path = tmp_path / "answers.sqlite3"
    store = Store.open(path)
    store.put_many(
        (Request(model=name, endpoint="", body={"model": name}), Completion(text=f"from {name}\x1b[31m"))
        for name in ("old", "new")
    )
    store.close()
    return str(path)


def test_ls(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each answer is one line without control sequences, and a model may be picked."""
    assert main(["store", "ls", "--store", kept, "--model", "old"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "old  from old" in line
    assert "\x1b" not in line


def test_stats(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The answers are counted by model."""
    assert main(["store", "stats", "--store", kept]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 answers, ")
    assert sorted(lines[1:]) == ["  new: 1", "  old: 1"]


def test_export(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is a JSON object with the request and the completion."""
    assert main(["store", "export", "--store", kept]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["request"]["model"] for row in rows} == {"old", "new"}


def test_prune(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is older than the age goes."""
    assert main(["store", "prune", "--store", kept, "--older-than", "1h"]) == 0
    assert main(["store", "prune", "--store", kept, "--older-than", "0m"]) == 0
    assert capsys.readouterr().out.splitlines() == ["0 answers deleted", "2 answers deleted"]


@pytest.mark.parametrize("arguments", [["ls"], ["prune", "--older-than", "long"]])
def test_wrong_use_is_one_line(
    arguments: list[str], kept: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing store or a wrong age ends with exit code 2 and one line."""
    path = str(tmp_path / "none.db") if arguments == ["ls"] else kept
    assert main(["store", *arguments, "--store", path]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_another_file_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no store is neither opened nor moved."""
    other = tmp_path / "photo.jpg"
    other.write_bytes(b"holiday")
    assert main(["store", "stats", "--store", str(other)]) == 2
    assert other.read_bytes() == b"holiday"
    assert "another file" in capsys.readouterr().err

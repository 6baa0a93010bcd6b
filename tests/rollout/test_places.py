"""Records of many hosts: a tree of folders, and the same behind URLs."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import sys
import threading
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.config import Sink
from pytest_llmupgrade.rollout.eventlog import EventLog
from pytest_llmupgrade.rollout.observing import look
from pytest_llmupgrade.rollout.reading import pairs, read_records
from tests.rollout.making import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_llmupgrade.rollout.reading import Found

NOW_MS = 1_800_000_000_000
CALL = {
    "v": 1,
    "type": "call",
    "t": NOW_MS,
    "rollout": "gpt-4o-2026-11",
    "mode": "live",
    "step": 5.0,
    "arm": "new",
    "served": None,
    "ms": 10.0,
    "error": "timeout",
    "hits": ["error"],
}


def _host(folder: Path, *units: int, rolled_up: bool = True) -> None:
    """Leave a process's records of one failing request for each unit, with its rollups or before they are due."""
    log = EventLog(folder, Sink(path="."))
    for unit in units:
        log.put({**CALL, "unit": f"{unit:016x}"})
    log.close()
    if not rolled_up:
        (folder / f"rollups-{log.process}.jsonl").unlink()


def _totals(found: Found) -> tuple[int, int, int]:
    """Return requests, units and failed units of all arms."""
    counts = found.counts.values()
    return (
        sum(each.requests for each in counts),
        sum(len(each.units) for each in counts),
        sum(each.first_failures("error") for each in counts),
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with a sub-folder for each of two hosts, one of which wrote no rollup yet; unit 2 had both."""
    _host(tmp_path / "tree" / "host-a", 1, 2)
    _host(tmp_path / "tree" / "host-b" / "pilot", 2, 3, rolled_up=False)
    return tmp_path / "tree"


def test_hosts_merge_into_one_count(tmp_path: Path, tree: Path) -> None:
    """Records of several hosts count as if one had written them: a unit that failed on two is one failed unit."""
    _host(tmp_path / "pilot", 3, 4)
    assert _totals(read_records(tmp_path / "pilot", [tree])) == (6, 4, 4)
    assert read_records(tmp_path / "pilot", [tree]).processes == 3


def test_shadows_of_hosts_are_paired(tmp_path: Path) -> None:
    """Both events of a request with a shadow are brought together wherever its host's records lie, one copy of each."""
    shadow = {**CALL, "mode": "shadow", "step": 0.0, "call": "o0-1"}
    for folder in ("host-a", "host-b"):
        log = EventLog(tmp_path / "tree" / folder, Sink(path="."))
        log.put({**shadow, "unit": "01", "arm": "old", "served": "old"})
        log.put({**shadow, "unit": "01", "type": "shadow"})
        log.close()
    shutil.copytree(tmp_path / "tree" / "host-a", tmp_path / "tree" / "copy-of-a")
    found = list(pairs(tmp_path / "none", [tmp_path / "tree"]))
    assert [(old["arm"], new["arm"]) for old, new in found] == [("old", "new")] * 2


def test_a_copy_is_counted_once(tmp_path: Path, tree: Path) -> None:
    """A file that is found twice is one file, and the longer copy counts; loops, pipes and folders of its name do no harm."""
    once = _totals(read_records(tmp_path / "none", [tree]))
    shutil.copytree(tree, tree / "backup" / "yesterday")
    for path in (tree / "backup").rglob("*.jsonl"):
        path.write_bytes(path.read_bytes()[:200])
    (tree / "loop").symlink_to(tree)
    (tree / "events-c-00001.jsonl").mkdir()
    os.mkfifo(tree / "rollups-d.jsonl")
    (tree / "rollups-e.jsonl").symlink_to(tree / "nowhere")
    assert _totals(read_records(tmp_path / "none", [tree, str(tree / "host-a")])) == once


@pytest.fixture
def served(tree: Path) -> Iterator[str]:
    """Serve the tree over HTTP on the loopback, without ranges, as Python's own server does."""
    handler = functools.partial(_Quiet, directory=str(tree))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""


def test_records_over_http(tmp_path: Path, tree: Path, served: str) -> None:
    """A tree behind a real HTTP server is read through fsspec, with what came to it between two looks."""
    assert _totals(read_records(tmp_path / "none", [served])) == (4, 3, 3)
    _host(tree / "host-c", 9)
    assert _totals(read_records(tmp_path / "none", [served])) == (5, 4, 4)


def test_records_behind_any_fsspec_url(tmp_path: Path, tree: Path) -> None:
    """So is a store of objects, where folders are but names."""
    memory = fsspec.filesystem("memory")
    memory.put(str(tree), "/pilot", recursive=True)
    assert _totals(read_records(tmp_path / "none", ["memory://pilot"])) == (4, 3, 3)
    memory.rm("/pilot", recursive=True)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere", "nowhere: there is no such folder of records"),
        ("memory://nowhere", "memory://nowhere: there is no such folder of records"),
        ("unheard://me:secret@of/x?sig=secret", "unheard://of/x: Protocol not known: unheard"),
        ("http://me:secret@127.0.0.1:1/x/", "http://127.0.0.1:1/x/: "),
    ],
)
def test_a_place_that_cannot_be_read_ends_the_look(tmp_path: Path, place: str, words: str) -> None:
    """Evidence without a host is none: the place is named, in one line, without its login."""
    with pytest.raises(UsageError) as told:
        read_records(tmp_path, [place])
    assert str(told.value).startswith(words)
    assert "secret" not in str(told.value)


def test_a_shut_folder_ends_the_look(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host's folder that may not be read is said, not left out."""
    real = os.scandir

    def scandir(path: str) -> Any:
        if "host-a" in path:
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UsageError, match="tree: the records cannot be read: Permission denied"):
        read_records(tmp_path, [tree])


def test_without_the_extra_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without fsspec the message says what to install."""
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError, match=r"pip install 'pytest-llmupgrade\[remote\]'"):
        read_records(tmp_path, ["s3://bucket/pilot"])


def test_the_commands_read_them(tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`status` takes records of hosts, or raw events instead; both at once are refused."""
    file = tmp_path / "rollout.yaml"
    file.write_text(FILE)
    assert main(["rollout", "status", "--format", "json", "--records", str(tree), str(file)]) == 0
    records = capsys.readouterr().out
    events = ["--events", str(tree / "**" / "events-*.jsonl")]
    assert main(["rollout", "status", "--format", "json", *events, str(file)]) == 0
    assert '"requests": 4' in records
    assert '"requests": 4' in capsys.readouterr().out
    assert main(["rollout", "status", *events, "--records", str(tree), str(file)]) == 2
    assert "--events reads raw events and nothing else" in capsys.readouterr().err


def test_a_look_takes_paths_and_urls(tmp_path: Path, tree: Path) -> None:
    """What pytest's items and the commands call takes either."""
    (tmp_path / "rollout.yaml").write_text(FILE)
    seen = look(tmp_path / "rollout.yaml", now_ms=NOW_MS, records=[tree, f"file://{tree}"])
    assert _totals(seen.found) == (4, 3, 3)

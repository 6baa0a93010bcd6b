from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pytest_llmupgrade.model import Completion
from pytest_llmupgrade.store import Store
from tests.disks import mounted, ran
from tests.engine.scripted import request

ROOT = Path(__file__).parents[2]
ANSWER = Completion(text="kept")

WRITER = """
import sys
from pathlib import Path
from pytest_llmupgrade.model import Completion
from pytest_llmupgrade.store import Store
from tests.engine.scripted import request

store = Store.open(Path(sys.argv[1]))
for i in range(int(sys.argv[3])):
    store.put_many([(request(f"{sys.argv[2]}{i}"), Completion(text="kept"))])
    print(i, flush=True)
"""


def _writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  this interpreter, on a script that stands above
        [sys.executable, "-c", WRITER, str(path), name, str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """Two runs on the same store, begun together, lose nothing and hinder nobody."""
    path = tmp_path / "answers.db"
    writers = [_writer(path, name, 40) for name in "ab"]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    store = Store.open(path)
    assert store.stats().answers == 80
    assert all(store.get(request(f"{name}{i}").key) for name in "ab" for i in range(40))
    store.close()


def test_killed_writer_loses_nothing_it_had_promised(tmp_path: Path) -> None:
    """After kill -9 in mid-run every answer that `put_many` had returned for is there, and the store is sound."""
    path = tmp_path / "answers.db"
    with _writer(path, "q", 1_000_000) as writer:
        assert writer.stdout is not None
        promised = [int(writer.stdout.readline()) for _ in range(30)]
        writer.kill()
        promised += [int(line) for line in writer.stdout.read().splitlines() if line]
    store = Store.open(path)
    assert store.notices == ()
    assert all(store.get(request(f"q{i}").key) for i in promised)
    store.put_many([(request("later"), ANSWER)])
    assert store.get(request("later").key) is not None
    store.close()


def test_full_disk_costs_only_the_memory() -> None:
    """When the disk is full, what it took is still read, what comes after is kept for this run, one notice says so."""
    with mounted("size=300k") as folder:
        store = Store.open(folder / "answers.db")
        big = Completion(text=os.urandom(4000).hex())
        for i in range(100):
            store.put_many([(request(f"q{i}"), big)])
        assert not store.persistent
        assert len(store.notices) == 1
        assert "full" in store.notices[0]
        found = [store.get(request(f"q{i}").key) for i in range(100)]
        assert [answer is not None and answer.text == big.text for answer in found] == [True] * 100
        assert store.stats().answers == 100
        store.close()


def test_read_only_place_is_read() -> None:
    """On a read-only file system stored answers are found, new ones are kept for this run, one notice says so."""
    with mounted("size=2m") as folder:
        store = Store.open(folder / "answers.db")
        store.put_many([(request("stored"), ANSWER)])
        store.close()
        assert ran("mount", "-o", "remount,ro", str(folder))
        store = Store.open(folder / "answers.db")
        store.put_many([(request("new"), ANSWER)])
        assert store.get(request("stored").key) is not None
        assert store.get(request("new").key) is not None
        assert len(store.notices) == 1
        assert not store.persistent
        store.close()

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.model import Completion
from pytest_llmupgrade.store import opening
from pytest_llmupgrade.store.store import Store
from tests.store.test_store import asked, put

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from pytest_llmupgrade.store.store import Store
from tests.store.test_store import asked, put

store = Store.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    name = f"{sys.argv[2]}-{number}"
    put(store, asked(name), name)
    print(name, flush=True)
print(*store.notices, "done", flush=True)
sys.stdin.readline()
"""


def start_writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    """Start a process that stores answers one by one and says each that is stored, once it is told to."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)  # noqa: S603  our own code


def tell(process: subprocess.Popen[str]) -> None:
    """Let a writer go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> str:
    """Return a writer's next line."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> None:
    """Close a process's pipes and wait for it."""
    with process:
        process.kill()


def test_what_was_stored_survives_kill_9(tmp_path: Path) -> None:
    """Every answer that a process saw stored is there after it was killed, and the store opens without a word."""
    writer = start_writer(tmp_path / "store", "a", 10_000)
    assert said(writer) == "open"
    tell(writer)
    seen = [said(writer) for _ in range(20)]
    os.kill(writer.pid, signal.SIGKILL)
    ended(writer)
    with Store.open(tmp_path / "store") as store:
        assert all(store.get(asked(name).key) for name in seen)
        assert store.notices == ()


def test_two_processes_share_a_store(tmp_path: Path) -> None:
    """Two that open and write at once lose nothing and fail nowhere."""
    writers = [start_writer(tmp_path / "store", name, 50) for name in "ab"]
    assert [said(writer) for writer in writers] == ["open", "open"]
    for writer in writers:
        tell(writer)
    for writer in writers:
        assert [said(writer) for _ in range(51)][-1] == "done"
    with Store.open(tmp_path / "store") as store:
        assert store.stats().answers == 100
        assert all(store.get(asked(f"{name}-{number}").key) for name in "ab" for number in range(50))
    for writer in writers:
        ended(writer)


def test_many_threads_open_a_new_store_at_once(tmp_path: Path) -> None:
    """Whoever makes the file, all of them find it ready."""
    notices: list[str] = []

    def use(name: str) -> None:
        with Store.open(tmp_path / "store") as store:
            put(store, asked(name), name)
            notices.extend(store.notices)

    threads = [threading.Thread(target=use, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notices == []
    with Store.open(tmp_path / "store") as store:
        assert store.stats().answers == 8


@pytest.mark.parametrize(
    "content", [b"not a database, but text" * 100, b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_corrupt_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is renamed, kept as it is, and a new store takes its place."""
    path = tmp_path / "store"
    path.write_bytes(content)
    with Store.open(path) as store:
        put(store, asked("a"), "A")
        (notice,) = store.notices
    aside = next(tmp_path.glob("store.corrupt-*"))
    assert aside.read_bytes() == content
    assert aside.name in notice
    with Store.open(path) as store:
        assert store.get(asked("a").key) is not None


def test_another_programs_database_is_set_aside(tmp_path: Path) -> None:
    """A valid database that is no store is kept, under another name."""
    path = tmp_path / "store"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with Store.open(path) as store:
        assert "another program's database" in store.notices[0]
    aside = sqlite3.connect(next(tmp_path.glob("store.corrupt-*")))
    assert aside.execute("SELECT name FROM sqlite_master").fetchone() == ("theirs",)
    aside.close()


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    """What a newer version wrote is neither read nor renamed; this run keeps its answers in memory."""
    path = tmp_path / "store"
    Store.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with Store.open(path) as store:
        put(store, asked("a"), "A")
        assert store.get(asked("a").key) is not None
        assert "newer version" in store.notices[0]
    assert [file.name for file in tmp_path.glob("store*") if "corrupt" in file.name] == []


def test_a_file_that_breaks_while_it_is_used(tmp_path: Path) -> None:
    """A store whose pages turn to rubbish under its feet is set aside once, and the run goes on."""
    path = tmp_path / "store"
    with Store.open(path) as store:
        for number in range(200):
            put(store, asked(str(number)), "x" * 400)
    size = path.stat().st_size
    with Store.open(path) as store:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
        assert [store.get(asked(str(number)).key) for number in range(200)] == [None] * 200
        put(store, asked("a"), "A")
        assert store.get(asked("a").key) is not None
        assert len(store.notices) == 1
    with Store.open(path) as store:
        assert store.get(asked("a").key) is not None


def test_a_broken_row_is_none(tmp_path: Path) -> None:
    """An answer that cannot be read is asked for anew, and the new one replaces it."""
    path = tmp_path / "store"
    with Store.open(path) as store:
        put(store, asked("a"), "A")
        with sqlite3.connect(path) as other:
            other.execute("UPDATE answers SET answer = x'ff00'")
        other.close()
        assert store.get(asked("a").key) is None
        assert list(store.entries()) == []
        put(store, asked("a"), "B")
        assert store.get(asked("a").key) == Completion(text="B", origin="stored")


def test_a_path_that_cannot_be_a_file(tmp_path: Path) -> None:
    """Where no file can be, the run keeps its answers in memory and says so once."""
    (tmp_path / "file").touch()
    with Store.open(tmp_path / "file" / "store") as store:
        put(store, asked("a"), "A")
        put(store, asked("b"), "B")
        assert store.get(asked("a").key) is not None
        assert len(store.notices) == 1
        assert "this run only" in store.notices[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(  # noqa: S603  a fixed command
        ["/bin/mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["/bin/umount", str(place)], check=True)  # noqa: S603  a fixed command


def test_a_full_disk(small_disk: Path) -> None:
    """From when the disk is full, answers are kept in memory, the older ones stay, and one notice says so."""
    texts = [os.urandom(20_000).hex() for _ in range(40)]
    with Store.open(small_disk / "store") as store:
        for number, text in enumerate(texts):
            put(store, asked(str(number)), text)
        found = [store.get(asked(str(number)).key) for number in range(40)]
        assert [answer.text if answer else None for answer in found] == texts
        (notice,) = store.notices
        assert "full" in notice
    with Store.open(small_disk / "store") as store:
        assert 0 < store.stats().answers < 40


def test_a_read_only_directory(small_disk: Path) -> None:
    """What is stored is found where nothing can be written, and new answers are kept for the run."""
    with Store.open(small_disk / "store") as store:
        put(store, asked("old"), "old")
    subprocess.run(["/bin/mount", "-o", "remount,ro", str(small_disk)], check=True)  # noqa: S603  a fixed command
    with Store.open(small_disk / "store") as store:
        put(store, asked("new"), "new")
        assert store.get(asked("old").key) is not None
        assert store.get(asked("new").key) is not None
        assert store.stats().answers == 2
        assert len(store.notices) == 1


def test_setting_aside_twice_in_a_second(tmp_path: Path) -> None:
    """No file that was set aside is overwritten."""
    names = set()
    for _ in range(3):
        (tmp_path / "store").touch()
        names.add(opening.set_aside(tmp_path / "store").name)
    assert len(names) == 3

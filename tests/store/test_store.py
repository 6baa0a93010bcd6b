from __future__ import annotations

import json
import sqlite3
import stat
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.model import Completion, ToolCall, Usage
from pytest_llmupgrade.store import Store
from pytest_llmupgrade.store.database import APPLICATION
from tests.engine.scripted import request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWER = Completion(
    text="30 days\ud800",
    tool_calls=(ToolCall(name="lookup", arguments="{}", id="1"),),
    usage=Usage(input_tokens=10, output_tokens=2),
    latency_ms=12.5,
    model="m-2026",
    adapted=("temperature dropped",),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the store shall be."""
    return tmp_path / "cache" / "answers.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """Open an empty store."""
    store = Store.open(path)
    yield store
    store.close()


def _times(path: Path, **times: float) -> None:
    with sqlite3.connect(path) as connection:
        for text, created in times.items():
            connection.execute("update answers set created = ? where key = ?", (created, request(text).key))
    connection.close()


def test_answers_come_back_whole(store: Store) -> None:
    """What was put in comes out, marked as stored, its lone surrogate replaced."""
    store.put_many([(request("q"), ANSWER)])
    found = store.get(request("q").key)
    assert found is not None
    assert found.origin == "stored"
    assert found.text.encode() == found.text.replace("\ud800", "?").encode()
    assert (found.tool_calls, found.usage, found.latency_ms, found.adapted) == (
        ANSWER.tool_calls,
        ANSWER.usage,
        ANSWER.latency_ms,
        ANSWER.adapted,
    )
    assert store.notices == ()
    assert store.persistent


@given(st.text(max_size=200), st.integers(0, 10**9), st.floats(0, 1e9))
def test_any_text_survives(store_of_the_module: Store, text: str, tokens: int, latency_ms: float) -> None:
    """Whatever a model writes comes back as it was, but for what UTF-8 cannot hold."""
    usage = Usage(input_tokens=tokens, output_tokens=tokens)
    store_of_the_module.put_many([(request(text), Completion(text=text, usage=usage, latency_ms=latency_ms))])
    found = store_of_the_module.get(request(text).key)
    assert found == Completion(text=text, usage=usage, latency_ms=latency_ms, origin="stored")


@pytest.fixture(scope="module")
def store_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Open one store for all examples."""
    store = Store.open(tmp_path_factory.mktemp("module") / "answers.db")
    yield store
    store.close()


def test_keys_tell_requests_apart(store: Store) -> None:
    """Another text, model or repeat index is another answer."""
    store.put_many([(request("q"), ANSWER)])
    others = (request("Q"), request("q", model="n"), request("q", repeat=1))
    assert [store.get(other.key) for other in others] == [None] * 3


def test_fresh_store_finds_only_what_is_new(store: Store, path: Path) -> None:
    """With `fresh`, earlier answers are not found, new ones are, and nothing is deleted."""
    store.put_many([(request("old"), ANSWER)])
    _times(path, old=1000.0)
    fresh = Store.open(path, fresh=True)
    fresh.put_many([(request("new"), ANSWER)])
    assert fresh.get(request("old").key) is None
    assert fresh.get(request("new").key) is not None
    fresh.close()
    assert store.get(request("old").key) is not None


def test_adaptations_are_remembered_once(store: Store, path: Path) -> None:
    """What a model refuses is known to later runs, by endpoint, API and model."""
    place = ("http://x/v1", "chat", "gpt-5")
    for param in ("temperature", "stop", "temperature"):
        store.remember_adaptation(place, {"param": param, "action": "drop"})
    other = Store.open(path)
    assert {each["param"] for each in other.adaptations()[place]} == {"temperature", "stop"}
    assert len(other.adaptations()[place]) == 2
    other.close()


def test_stats_prune_and_export(store: Store, path: Path) -> None:
    """A store can be counted, listed as lines of JSON, and cleared of what is old."""
    assert store.stats().answers == 0
    assert store.stats().oldest is None
    store.put_many(
        [(request(text, model=model), ANSWER) for text, model in (("a", "m"), ("b", "m"), ("c", "n"))]
    )
    _times(path, a=1000.0, b=2000.0)
    stats = store.stats()
    assert (stats.answers, stats.by_model, stats.oldest) == (3, (("m", 2), ("n", 1)), 1000.0)
    assert stats.bytes > 0
    lines = [json.loads(line) for line in store.export()]
    assert [line["request"]["body"]["messages"][0]["content"] for line in lines] == ["a", "b", "c"]
    assert lines[0]["completion"]["usage"] == {"input_tokens": 10, "output_tokens": 2}
    assert store.prune(1500.0) == 1
    assert next(stored.created for stored in store.answers()) == 2000.0


@pytest.mark.parametrize(
    "content", [b"this is no database " * 100, b"SQLite format 3\0" + b"\xff" * 4096], ids=["text", "broken"]
)
def test_corrupt_file_is_set_aside(path: Path, content: bytes) -> None:
    """A file that is no database is renamed, not lost, and the run goes on with a new store and a notice."""
    path.parent.mkdir()
    path.write_bytes(content)
    store = Store.open(path)
    store.put_many([(request("q"), ANSWER)])
    assert store.get(request("q").key) is not None
    store.close()
    (aside,) = path.parent.glob("*.corrupt-*")
    assert aside.read_bytes() == content
    (notice,) = store.notices
    assert aside.name in notice
    assert "corrupt" in notice


def test_foreign_database_is_set_aside_unchanged(path: Path) -> None:
    """Another program's database is not written to."""
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("create table precious (x)")
    connection.close()
    content = path.read_bytes()
    store = Store.open(path)
    store.close()
    (aside,) = path.parent.glob("*.corrupt-*")
    assert aside.read_bytes() == content
    assert "another program's" in store.notices[0]


def test_store_of_another_version_is_set_aside(store: Store, path: Path) -> None:
    """A schema that this code does not know is neither read nor changed."""
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("pragma application_id").fetchone() == (APPLICATION,)
        connection.execute("pragma user_version = 99")
    connection.close()
    newer = Store.open(path)
    newer.close()
    assert "version 99" in newer.notices[0]


def test_place_that_cannot_be_written_costs_only_the_memory(tmp_path: Path) -> None:
    """Where no file can be, answers are kept for this run, and one notice says so."""
    (tmp_path / "file").write_text("in the way")
    store = Store.open(tmp_path / "file" / "answers.db")
    store.put_many([(request("q"), ANSWER)])
    store.put_many([(request("r"), ANSWER)])
    assert store.get(request("q").key) is not None
    assert store.stats().answers == 2
    assert not store.persistent
    assert len(store.notices) == 1
    assert "memory only" in store.notices[0]
    store.close()


def test_record_that_cannot_be_read_is_asked_for_anew(store: Store, path: Path) -> None:
    """An answer of unknown shape is a missing answer, never a crash."""
    store.put_many([(request("q"), ANSWER), (request("r"), ANSWER)])
    with sqlite3.connect(path) as connection:
        connection.execute("update answers set completion = x'00' where key = ?", (request("q").key,))
    connection.close()
    assert store.get(request("q").key) is None
    assert len(list(store.answers())) == 1


def test_file_is_the_owners_alone(store: Store, path: Path) -> None:
    """Prompts and answers may be private: nobody else can read the file."""
    store.put_many([(request("q"), ANSWER)])
    for file in path.parent.iterdir():
        assert not stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO), file.name


def test_a_clock_that_steps_back_hides_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh run finds what it paid for itself, also after the clock was put back."""
    now = time.time()
    store = Store.open(path, fresh=True)
    monkeypatch.setattr("time.time", lambda: now - 3_600)
    store.put_many([(request("hi"), ANSWER)])
    assert store.get(request("hi").key) is not None
    store.close()

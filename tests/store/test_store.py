from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.model import Completion, JsonObject, Request, ToolCall, Usage
from pytest_llmupgrade.store.rows import pack, unpack, without_secrets
from pytest_llmupgrade.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def asked(text: str, *, model: str = "m", endpoint: str = "") -> Request:
    """Return a request with one message."""
    body: JsonObject = {"model": model, "messages": [{"role": "user", "content": text}]}
    return Request(model=model, endpoint=endpoint, body=body)


def put(store: Store, request: Request, text: str) -> None:
    """Store one answer."""
    store.put_many([(request.key, request, Completion(text=text))])


def test_an_answer_comes_back_as_stored(tmp_path: Path) -> None:
    """What was stored is found by a later run, and says that it comes from the store."""
    answer = Completion(
        text="é" * 2000,
        tool_calls=(ToolCall(name="f", arguments="{"),),
        usage=Usage(input_tokens=3, output_tokens=4),
        adapted=("temperature dropped",),
    )
    request = asked("hi")
    with Store.open(tmp_path / "deep" / "store.sqlite") as store:
        store.put_many([(request.key, request, answer)])
    with Store.open(tmp_path / "deep" / "store.sqlite") as store:
        found = store.get(request.key)
        assert found is not None
        assert found.origin == "stored"
        assert (found.text, found.tool_calls, found.usage) == (answer.text, answer.tool_calls, answer.usage)
        assert (found.adapted, store.notices) == (answer.adapted, ())


def test_what_was_not_stored_is_not_found(tmp_path: Path) -> None:
    """A request that differs in its words has no answer."""
    with Store.open(tmp_path / "store") as store:
        put(store, asked("a"), "A")
        assert store.get(asked("b").key) is None


def test_a_fresh_run_sees_only_its_own_answers(tmp_path: Path) -> None:
    """With `since`, an older answer is not found, and one stored since then is."""
    times = iter([100.0, 200.0])
    with Store.open(tmp_path / "store", clock=lambda: next(times)) as store:
        put(store, asked("a"), "old")
        assert store.get(asked("a").key, since=150) is None
        put(store, asked("a"), "new")
        found = store.get(asked("a").key, since=150)
        assert found is not None
        assert found.text == "new"


def test_no_secret_of_an_address_is_stored(tmp_path: Path) -> None:
    """User, password and query of a base URL stand nowhere in the file."""
    request = asked("a", endpoint="https://user:hunter2@host/v1?api-key=hunter2#hunter2")
    path = tmp_path / "store"
    with Store.open(path) as store:
        put(store, request, "A")
        (entry,) = store.entries()
        assert entry.endpoint == "https://host/v1"
        assert all(b"hunter2" not in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("endpoint", "kept"),
    [("", ""), ("local:a.gguf", "local:a.gguf"), ("http://h:1/v1", "http://h:1/v1"), ("http://[", "")],
)
def test_addresses(endpoint: str, kept: str) -> None:
    """What names a server stays; what cannot be read as an address goes."""
    assert without_secrets(endpoint) == kept


def test_export_is_json_lines(tmp_path: Path) -> None:
    """Each line holds the request and the answer, oldest first."""
    stream = io.StringIO()
    times = iter([1.0, 2.0])
    with Store.open(tmp_path / "store", clock=lambda: next(times)) as store:
        put(store, asked("first"), "1")
        put(store, asked("second" * 200), "2")
        assert store.export(stream) == 2
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["completion"]["text"], first["created"]) == ("1", 1.0)
    assert second["request"]["body"]["messages"][0]["content"] == "second" * 200


def test_stats_and_prune(tmp_path: Path) -> None:
    """Stats count by model; prune deletes what is older, and no more."""
    times = iter([10.0, 20.0, 30.0])
    with Store.open(tmp_path / "store", clock=lambda: next(times)) as store:
        for text, model in (("a", "x"), ("b", "y"), ("c", "y")):
            put(store, asked(text, model=model), text)
        stats = store.stats()
        assert (stats.answers, stats.by_model) == (3, {"x": 1, "y": 2})
        assert (stats.oldest, stats.newest) == (10.0, 30.0)
        assert stats.size_bytes > 0
        assert store.prune(older_than=20.0) == 1
        assert store.prune(older_than=20.0) == 0
        assert store.get(asked("b", model="y").key) is not None


def test_adaptations_are_remembered_by_place_and_once(tmp_path: Path) -> None:
    """A later run knows what a model refused, in the order in which it was learnt."""
    with Store.open(tmp_path / "store") as store:
        for adaptation in ({"param": "b"}, {"param": "a"}, {"param": "b"}):
            store.remember_adaptation("here", adaptation)
    with Store.open(tmp_path / "store") as store:
        assert store.adaptations("here") == ({"param": "b"}, {"param": "a"})
        assert store.adaptations("elsewhere") == ()


def test_a_store_in_memory_is_one() -> None:
    """Without a file, answers are kept until the store is closed."""
    with Store.in_memory() as store:
        put(store, asked("a"), "A")
        assert store.get(asked("a").key) is not None
        assert store.notices == ()
    assert store.get(asked("a").key) is None


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner, max_size=50)))
def test_packing(plain: object) -> None:
    """JSON values come back from a row as they went in, compressed or not."""
    assert unpack(pack(plain)) == plain

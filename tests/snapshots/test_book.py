from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.model import Answer, CallFailure, Completion, Request
from pytest_llmupgrade.snapshots.book import Book, Mode, place_of
from pytest_llmupgrade.snapshots.entry import Call, Entry, call_of
from pytest_llmupgrade.snapshots.files import entry_text, join_texts

if TYPE_CHECKING:
    from pathlib import Path

GONE = CallFailure(kind="not_found", message="no such model")


def request(model: str, text: str = "Hello", repeat: int = 0) -> Request:
    """Return a request."""
    messages = ({"role": "user", "content": text},)
    return Request(model=model, endpoint="", body={"model": model, "messages": messages}, repeat=repeat)


def call(asked: Request, answer: str) -> Call:
    """Return a recorded call."""
    return call_of(*place_of(asked), Completion(text=answer))


class Server:
    """What is asked live, and what it answers."""

    def __init__(self, failure: CallFailure | None = None) -> None:
        self.asked: list[str] = []
        self._failure = failure

    def __call__(self, one: Request) -> Answer:
        """Answer a request."""
        self.asked.append(one.model)
        return self._failure or Completion(text=f"{one.model} live")


def book_of(folder: Path, mode: Mode, gone: tuple[str, ...] = ()) -> Book:
    """Return a book turned to the case `a` on `new`, recorded on `old` and `new`, with a judge's call each."""
    for model in ("old", "new"):
        entry = Entry(
            verdict="passed",
            calls=(call(request(model), f"{model} recorded"),),
            judging=(call(request("judge", f"about {model}"), f"judge of {model}"),),
        )
        (folder / model).write_text(join_texts({"a": entry_text(entry)}))
    book = Book(mode, lambda model: model in gone, str)
    page = book.open(folder / "new", "a")
    book.begin(lambda: page)
    return book


def said(answer: Answer) -> str:
    """Return an answer's text, or a failure's message."""
    return answer.text if isinstance(answer, Completion) else answer.message


@pytest.mark.parametrize(
    ("mode", "fresh", "stale"),
    [
        (Mode(), "new live", "new live"),
        (Mode(replay=True), "new recorded", "stale snapshot: messages have changed since it was recorded"),
        (Mode(first=True), "new recorded", "new live"),
        (Mode(first=True, fresh=True), "new live", "new live"),
        (
            Mode(replay=True, first=True),
            "new recorded",
            "stale snapshot: messages have changed since it was recorded",
        ),
    ],
)
def test_where_answers_come_from(tmp_path: Path, mode: Mode, fresh: str, stale: str) -> None:
    """Each mode answers a recorded request and a changed one from where it should."""
    book = book_of(tmp_path, mode)
    assert said(book.complete(request("new"), Server())) == fresh
    assert said(book.complete(request("new", "Hello?"), Server())) == stale


def test_a_model_that_is_gone(tmp_path: Path) -> None:
    """A model known to be gone replays; one that turns out to be gone does; a stale one says both."""
    server = Server(GONE)
    known = book_of(tmp_path, Mode(), gone=("new",))
    assert said(known.complete(request("new"), server)) == "new recorded"
    assert not server.asked
    assert said(book_of(tmp_path, Mode()).complete(request("new"), server)) == "new recorded"
    stale = known.complete(request("new", "?"), server)
    assert isinstance(stale, CallFailure)
    assert stale.kind == "replay"
    assert stale.message == (
        "stale snapshot: messages have changed since it was recorded, and new is gone: no such model"
    )
    unheard = book_of(tmp_path, Mode()).complete(request("new", "?"), server)
    assert unheard == replace(
        GONE, message="no such model; stale snapshot: messages have changed since it was recorded"
    )


def test_any_other_failure_stays_one(tmp_path: Path) -> None:
    """A server that is down never turns a live run into a replay."""
    failure = CallFailure(kind="server", message="503")
    assert book_of(tmp_path, Mode()).complete(request("new"), Server(failure)) == failure


def test_the_incumbents_answer_in_a_candidates_item(tmp_path: Path) -> None:
    """What a candidate's item asks of the incumbent comes of the incumbent's snapshot, and is noted in none."""
    book = book_of(tmp_path, Mode(replay=True))
    assert book.page is not None

    def ask(one: Request, *, judging: bool = False) -> str:
        return said(book.complete(one, Server(GONE), judging=judging))

    assert ask(request("new")) == "new recorded"
    assert ask(request("judge", "about new"), judging=True) == "judge of new"
    with book.beside(book.open(tmp_path / "old", "a")):
        assert ask(request("old")) == "old recorded"
        assert ask(request("judge", "about old"), judging=True) == "judge of old"
    assert [one.answer for one in book.page.calls.values()] == ["new recorded"]
    assert [one.answer for one in book.page.judging.values()] == ["judge of new"]


def test_a_rerun_takes_the_firsts_place(tmp_path: Path) -> None:
    """A rerun's request finds the answer recorded for the first attempt, and a further repeat does not."""
    book = book_of(tmp_path, Mode(replay=True))
    assert said(book.complete(request("new", repeat=3_000), Server())) == "new recorded"
    assert said(book.complete(request("new", repeat=1), Server())) == (
        "stale snapshot: number of repeats has changed since it was recorded"
    )


def test_without_an_item_nothing_is_replayed(tmp_path: Path) -> None:
    """A call that no item makes is made."""
    book = book_of(tmp_path, Mode(first=True))
    book.begin(lambda: None)
    assert said(book.complete(request("new"), Server())) == "new live"


def test_files_are_read_when_they_are_needed(tmp_path: Path) -> None:
    """A run without snapshots reads none, also where a file is broken."""
    book = book_of(tmp_path, Mode())
    (tmp_path / "new").write_text("broken")
    assert said(book.complete(request("new"), Server())) == "new live"

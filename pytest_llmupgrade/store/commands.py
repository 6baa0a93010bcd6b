"""What `llmupgrade store` does: lists, counts, deletes and exports answers."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.store import Store
from pytest_llmupgrade.wording import plural, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT = Path(".pytest_cache/d/llmupgrade/answers.sqlite3")
"""Where runs keep answers, seen from a project's root."""
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_ANSWER_WIDTH = 60


@contextmanager
def opened(path: Path | None) -> Iterator[Store]:
    """Open a store that is there; UsageError where none is, or where it is none."""
    where = path or DEFAULT
    if not where.is_file():
        raise UsageError(
            f"{where}: no store there; name it with --store=PATH, or start in the project's root"
        )
    with where.open("rb") as stream:
        if not stream.read(16).startswith(b"SQLite format 3"):
            raise UsageError(f"{where}: no store of answers, but another file")
    store = Store.open(where)
    try:
        yield store
    finally:
        store.close()


def lines(
    store: Store, action: str, *, model: str | None, older_than: str | None, now: float
) -> Iterator[str]:
    """Yield what an action has to say, doing it."""
    if action == "ls":
        yield from _list(store, model)
    elif action == "stats":
        yield from _stats(store)
    elif action == "export":
        yield from store.export()
    else:
        gone = store.prune(now - seconds(older_than or ""))
        yield f"{plural(gone, 'answer')} deleted"


def seconds(age: str) -> float:
    """Return the seconds of an age such as 30d, 12h, 45m or 2w; UsageError for anything else."""
    match = re.fullmatch(r"(\d{1,6})([mhdw])", age)
    if match is None:
        raise UsageError(f"--older-than={age}: write a number and m, h, d or w, such as 30d")
    return int(match[1]) * _SECONDS[match[2]]


def _list(store: Store, model: str | None) -> Iterator[str]:
    for stored in store.answers():
        name = stored.request.model
        if model is None or name == model:
            answer = shorten(" ".join(printable(stored.completion.text).split()), _ANSWER_WIDTH)
            yield f"{stored.key[:12]}  {_day(stored.created)}  {printable(name)}  {answer}"


def _stats(store: Store) -> Iterator[str]:
    stats = store.stats()
    span = f", {_day(stats.oldest)} to {_day(stats.newest)}" if stats.oldest and stats.newest else ""
    yield f"{plural(stats.answers, 'answer')}, {stats.bytes / 1e6:.1f} MB{span}"
    for name, count in stats.by_model:
        yield f"  {printable(name)}: {count}"


def _day(created: float) -> str:
    return dt.datetime.fromtimestamp(created, dt.UTC).strftime("%Y-%m-%d %H:%M")

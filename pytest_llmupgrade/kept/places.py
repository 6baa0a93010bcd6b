"""Where runs are kept, and how they are named and found again."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.kept.wire import SCHEMA

if TYPE_CHECKING:
    import datetime as dt

FOLDER = Path(".pytest_cache/d/llmupgrade/runs")
"""Where runs are kept, seen from a project's root."""
MOST = 50
"""Runs kept in the folder; the oldest go first."""
_NAME = re.compile(r"\d{8}T\d{6}Z-\d+\.jsonl")
_LAST = re.compile(r"last(?:~(\d{1,4}))?")


def new_name(now: dt.datetime, process: int) -> str:
    """Return a new run's file name: sorts by time, and no two processes share it."""
    return f"{now:%Y%m%dT%H%M%SZ}-{process}.jsonl"


def new_place(folder: Path, now: dt.datetime, process: int) -> Path:
    """Return where a new run is kept; a process may begin two runs in one second."""
    places = (folder / new_name(now, number) for number in count(process))
    return next(path for path in places if not path.exists())


def kept_in(folder: Path) -> tuple[Path, ...]:
    """Return the runs in a folder, oldest first."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return ()
    return tuple(folder / name for name in sorted(names) if _NAME.fullmatch(name))


def find_run(name: str, folder: Path = FOLDER) -> Path:
    """Return the file of a run: a path, a kept run's name, `last`, or `last~1` for the one before it."""
    path = Path(name)
    if path.is_file():
        return path
    runs = kept_in(folder)
    match = _LAST.fullmatch(name)
    if match is not None and int(match[1] or 0) < len(runs):
        return runs[-1 - int(match[1] or 0)]
    named = [run for run in runs if run.stem == path.stem and not path.parent.name]
    if named:
        return named[0]
    raise UsageError(
        f"{name}: no such run; `llmupgrade runs` lists the {len(runs)} that are kept in {folder}"
    )


def open_new(path: Path) -> IO[bytes]:
    """Open the file of a new run; what is there is replaced (see `check_replaceable`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w+b")


def check_replaceable(path: Path, *, flag: str = "--llm-keep=") -> None:
    """Raise UsageError where the path names what is no kept run and would be lost."""
    if path.is_dir():
        raise UsageError(f"{flag}{path}: a folder; name a file")
    if not path.exists():
        return
    with path.open("rb") as stream:
        start = stream.read(64)
    if start and not start.startswith(f'{{"schema":"{SCHEMA[:-1]}'.encode()):
        raise UsageError(f"{flag}{path}: holds something else than a kept run; name another file")


def prune(folder: Path, most: int = MOST) -> None:
    """Delete the oldest runs of a folder beyond `most`."""
    for path in kept_in(folder)[:-most]:
        path.unlink(missing_ok=True)

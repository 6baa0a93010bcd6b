"""Where records lie: a sink, a tree with a sub-folder for each host, or the same behind an fsspec URL.

A process's files have names that no other process has, so a file found twice is two copies of one: the longer counts.
"""

from __future__ import annotations

import io
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from pytest_llmupgrade.errors import LlmUpgradeError, UsageError
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Place: TypeAlias = "str | Path"
"""A folder, or a URL such as `s3://bucket/pilot`."""
_BUFFER = 1 << 20  # bytes that are fetched at once
_LOGIN = re.compile(r"://[^/@\s]*@")
_QUERY = re.compile(r"(://[^\s?'\"]*)\?[^\s'\"]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFile:
    """One file of records, wherever it is."""

    name: str
    size: int
    """Bytes; 0 where the place does not say."""
    open: Callable[[], BinaryIO]
    """FileNotFoundError where it is gone meanwhile."""


def is_url(place: Place) -> bool:
    """Return whether a place is behind a URL."""
    return "://" in str(place)


def files_at(place: Place) -> Iterator[RecordFile]:
    """Yield the files of a place, sub-folders included; FileNotFoundError where it is not, OSError where it is shut."""
    yield from _remote_files(str(place)) if is_url(place) else _tree_files(Path(place))


def files_in(folder: Path) -> Iterator[RecordFile]:
    """Yield the files that stand in a folder itself, as a router's sink holds them."""
    for path in folder.iterdir():
        yield from _local(path)


def by_name(files: Iterable[RecordFile]) -> dict[str, RecordFile]:
    """Return each file once; of several copies the longest, for files only grow."""
    found: dict[str, RecordFile] = {}
    for file in files:
        if file.name not in found or file.size >= found[file.name].size:
            found[file.name] = file
    return found


def shown(text: Place) -> str:
    """Return a place, or a message that names some, without the secrets that URLs may hold."""
    return _QUERY.sub(r"\1", _LOGIN.sub("://", str(text)))


@contextmanager
def told(*places: Place, what: str = "records") -> Iterator[None]:
    """Make a UsageError of whatever a disk, DuckDB or a remote file system raises; fsspec's drivers have exceptions of their own."""
    where = ", ".join(map(shown, places))
    try:
        yield
    except LlmUpgradeError:
        raise
    except FileNotFoundError:
        raise UsageError(f"{where}: there is no such folder of {what}") from None
    except Exception as error:  # noqa: BLE001  as above
        words = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise UsageError(f"{where}: the {what} cannot be read: {shown(one_line(str(words)))}") from None


# --- folders ---------------------------------------------------------------------------------------


def _tree_files(folder: Path) -> Iterator[RecordFile]:
    """Yield what a tree holds; linked folders are followed once, hidden ones are left out."""
    seen: set[tuple[int, int]] = set()
    for at, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        place = os.stat(at)  # noqa: PTH116  os.walk speaks of texts
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            yield from _local(Path(at, name))


def _raise(error: OSError) -> None:
    raise error


def _local(path: Path) -> Iterator[RecordFile]:
    """Yield a file, and nothing for what is none: a pipe would never end."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return  # pruned meanwhile, or a link to nowhere
    if stat.S_ISREG(status.st_mode):
        yield RecordFile(name=path.name, size=status.st_size, open=lambda: path.open("rb"))


# --- URLs ------------------------------------------------------------------------------------------


def _remote_files(url: str) -> Iterator[RecordFile]:
    system, root = file_system(url)
    system.invalidate_cache()  # whoever watches asks again and again
    if not system.exists(root):
        raise FileNotFoundError(url)
    for path, entry in system.find(root, detail=True).items():
        yield RecordFile(
            name=path.rpartition("/")[2], size=entry.get("size") or 0, open=_opener(system, path)
        )


def _opener(system: Any, path: str) -> Callable[[], BinaryIO]:
    # some of its files read without being able to seek back: the buffer makes lines of any
    return lambda: io.BufferedReader(system.open(path, "rb"), _BUFFER)


def file_system(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it; UsageError where it, or its driver, is missing."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError(
            f"{shown(url)}: records behind a URL need fsspec: pip install 'pytest-llmupgrade[remote]'"
        ) from None
    try:
        found: tuple[Any, str] = url_to_fs(url)
    except (ImportError, ValueError) as error:
        # it names the package of a driver, or the protocols that it knows
        raise UsageError(f"{shown(url)}: {error}") from None
    return found

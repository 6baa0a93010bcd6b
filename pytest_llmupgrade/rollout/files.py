"""One process's files in the sink: events that rotate, and rollups. Whole lines only, whatever the disk does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# O_BINARY: Windows would write two bytes for a line's end
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_MODE = 0o640


class LineFile:
    """An append-only file of one writer; OSError where the disk takes no more."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._torn = False  # what a failed write left could not be taken back

    def append(self, data: bytes) -> None:
        """Write whole lines, or none: what a full disk took of them is taken back."""
        if self._handle is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self.path, _FLAGS, _MODE)
        handle = self._handle
        before = self.size()
        view = memoryview(b"\n" + data if self._torn else data)
        try:
            while view:
                view = view[os.write(handle, view) :]
        except OSError:
            self._take_back(handle, before)
            raise
        self._torn = False

    def _take_back(self, handle: int, size: int) -> None:
        try:
            os.ftruncate(handle, size)
        except OSError:
            self._torn = True  # the next lines begin on a line of their own

    @property
    def clean(self) -> bool:
        """Whether the file ends with a whole line, so that what failed may be written again."""
        return not self._torn

    @property
    def gone(self) -> bool:
        """Whether the open file no longer stands where it was made: somebody moved or removed it."""
        if self._handle is None:
            return False
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(self._handle))
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def size(self) -> int:
        """Return the bytes in it."""
        return os.fstat(self._handle).st_size if self._handle is not None else 0

    def sync(self) -> None:
        """Wait until the disk has it."""
        if self._handle is not None:
            os.fsync(self._handle)

    def close(self) -> None:
        """Close it; a later append opens it again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


class Chapters:
    """A process's events in files of bounded size."""

    def __init__(self, folder: Path, process: str, *, rotate_bytes: int, keep: int | None) -> None:
        self._folder, self._process = folder, process
        self._rotate, self._keep = rotate_bytes, keep
        self._number = 1
        self._file = LineFile(self._path(1))

    def append(self, data: bytes) -> bool:
        """Write whole lines; True where this filled the file and the next ones go into a new one."""
        self._file.append(data)
        if self._file.size() < self._rotate:
            return False
        self._file.close()
        self._number += 1
        self._file = LineFile(self._path(self._number))
        return True

    @property
    def clean(self) -> bool:
        """Whether what failed may be written again."""
        return self._file.clean

    @property
    def gone(self) -> bool:
        """Whether somebody moved or removed the open file."""
        return self._file.gone

    def prune(self) -> None:
        """Remove the oldest files beyond what is kept; only called once rollups have counted them."""
        if self._keep is not None and self._number > self._keep:
            self._path(self._number - self._keep).unlink(missing_ok=True)

    def sync(self) -> None:
        """Wait until the disk has what is in the open file."""
        self._file.sync()

    def close(self) -> None:
        """Close the open file."""
        self._file.close()

    def _path(self, number: int) -> Path:
        return self._folder / f"events-{self._process}-{number:05d}.jsonl"

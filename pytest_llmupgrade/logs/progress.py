"""How far the reading is, with rates: on a terminal only, one line that overwrites itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from pytest_llmupgrade.logs.opening import STDIN, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from pytest_llmupgrade.logs.building import Tally

_EVERY_S = 0.2
_WIDTH = 24
_MB = 1e6


class Bar:
    """A progress bar; elsewhere than on a terminal it says nothing."""

    def __init__(
        self, files: Sequence[str], stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._files, self._stream, self._clock = files, stream, clock
        self._shows = stream.isatty()
        self._total = 0
        self._read = 0
        self._start = self._last = clock()

    def __enter__(self) -> Self:
        if self._shows and STDIN not in self._files:
            self._total = sum(_size(file) for file in self._files)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._shows:
            self._stream.write("\r\x1b[K")

    def told(self, count: int, tally: Tally) -> None:
        """Hear how many bytes were read, and show it now and then."""
        self._read += count
        now = self._clock()
        if self._shows and now - self._last >= _EVERY_S:
            self._last = now
            self._stream.write(f"\r{self._line(tally.records, now - self._start)}\x1b[K")
            self._stream.flush()

    def _line(self, records: int, seconds: float) -> str:
        rate = f"{self._read / _MB / seconds:.0f} MB/s, {records:,} records, {records / seconds:,.0f}/s"
        if not self._total:
            return rate
        share = min(1.0, self._read / self._total)
        full = round(share * _WIDTH)
        return f"[{'#' * full}{' ' * (_WIDTH - full)}] {share:4.0%} {rate}"


def _size(file: str) -> int:
    try:
        return size_of(file)
    except OSError:
        return 0

"""A log as a stream of bytes: plain, gzip or zstandard by its first bytes, counted as it is read."""

from __future__ import annotations

import gzip
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from pytest_llmupgrade.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STDIN = "-"
CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_WIDE = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The stream ended before its end: a truncated or damaged archive."""

    reason: str


class _Counted(RawIOBase):
    """Tells how many bytes of the file itself have been read."""

    def __init__(self, raw: IO[bytes], told: Callable[[int], None]) -> None:
        self._raw, self._told = raw, told

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._told(len(data))
        return len(data)


def size_of(name: str) -> int:
    """Return a file's bytes, 0 for standard input."""
    return 0 if name == STDIN else Path(name).stat().st_size


@contextmanager
def opened(name: str, told: Callable[[int], None] = lambda _count: None) -> Iterator[IO[bytes]]:
    """Yield the log's bytes, unpacked; `told` hears how many bytes of the file each read took."""
    raw = _raw(name)
    try:
        counted = BufferedReader(_Counted(raw, told), CHUNK)
        yield _unpacked(counted, name)
    finally:
        if name != STDIN:
            raw.close()


def _raw(name: str) -> IO[bytes]:
    if name == STDIN:
        return sys.stdin.buffer
    try:
        return Path(name).open("rb", buffering=0)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from None


def _unpacked(stream: BufferedReader[_Counted], name: str) -> IO[bytes]:
    head = stream.peek(4)[:4]
    if head.startswith(_WIDE):
        raise UsageError(f"{name}: is UTF-16; save it as UTF-8")
    if head.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if head.startswith(_ZSTD):
        return _zstd(stream, name)
    return stream


def _zstd(stream: BufferedReader[_Counted], name: str) -> IO[bytes]:
    try:
        import zstandard
    except ImportError:
        raise UsageError(
            f"{name}: .zst needs the extra 'logs': pip install 'pytest-llmupgrade[logs]'"
        ) from None
    reader: IO[bytes] = zstandard.ZstdDecompressor().stream_reader(
        stream, read_size=CHUNK, read_across_frames=True
    )
    return reader


def chunks(stream: IO[bytes]) -> Iterator[bytes | Cut]:
    """Yield the stream's bytes; a damaged archive ends in a Cut instead of an exception."""
    while True:
        try:
            data = stream.read(CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            yield Cut(reason=f"the archive is damaged or cut short ({type(error).__name__})")
            return
        except Exception as error:
            if type(error).__name__ != "ZstdError":
                raise
            yield Cut(reason="the archive is damaged or cut short")
            return
        if not data:
            return
        yield data

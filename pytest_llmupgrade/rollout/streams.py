"""Answers that come piece by piece: passed on untouched, watched on the way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from pytest_llmupgrade.rollout.driving import awaited
from pytest_llmupgrade.rollout.events import usage_in
from pytest_llmupgrade.rollout.failures import failure_name

if TYPE_CHECKING:
    from collections.abc import Callable

_NOTHING = object()
_FAILED = ("response.failed", "error")


class Watched:
    """What is seen of a stream: its first piece, its usage, its end; tells it once."""

    def __init__(self, tell: Callable[[Watched], None], first_at: float | None) -> None:
        self._tell: Callable[[Watched], None] | None = tell
        self.first_at = first_at
        """`time.perf_counter()` of the first piece; None: there was none."""
        self.last_at = first_at
        """Likewise of the last one."""
        self.usage: object = None
        self.failure: str | None = None
        self.cancelled = False
        self.early = False
        """Whether the caller wanted no more, so that the time since the last piece is his own."""

    def saw(self, piece: Any) -> None:
        """Take a piece into account."""
        self.last_at = time.perf_counter()
        if self.first_at is None:
            self.first_at = self.last_at
        try:
            found = usage_in(piece) or usage_in(getattr(piece, "response", None))
            if found is not None:
                self.usage = found
            if getattr(piece, "type", None) in _FAILED:
                self.failure = "other"
        except Exception:  # noqa: BLE001  a piece that cannot be looked into is passed on all the same
            return

    def end(self, error: BaseException | None = None, *, early: bool = False) -> None:
        """Take the end into account, at the first call; `early`: the caller wanted no more."""
        tell, self._tell = self._tell, None
        if tell is None:
            return
        if isinstance(error, Exception):
            self.failure = failure_name(error)
        self.early = early
        left = early or (error is not None and not isinstance(error, Exception))
        self.cancelled = (
            left and self.failure is None
        )  # nobody reads on after a piece that tells of a failure
        tell(self)


class Stream:
    """A sync stream; whatever else its client's object can do, it can, too."""

    def __init__(self, inner: Any, watched: Watched) -> None:
        self._inner, self._watched = inner, watched
        self._iterator = iter(inner)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        try:
            piece = next(self._iterator)
        except StopIteration:
            self._watched.end()
            raise
        except BaseException as error:
            self._watched.end(error)
            raise
        self._watched.saw(piece)
        return piece

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream; what was not read is not wanted."""
        self._watched.end(early=True)
        close = getattr(self._inner, "close", None)
        if callable(close):
            close()

    def __del__(self) -> None:
        watched = getattr(self, "_watched", None)
        if watched is not None:
            watched.end(early=True)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_inner", "_watched"):
            raise AttributeError(name)
        return getattr(self._inner, name)


class AsyncStream:
    """An async stream, likewise."""

    def __init__(self, inner: Any, watched: Watched) -> None:
        self._inner, self._watched = inner, watched
        self._iterator = aiter(inner)

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Any:
        try:
            piece = await anext(self._iterator)
        except StopAsyncIteration:
            self._watched.end()
            raise
        except BaseException as error:
            self._watched.end(error)
            raise
        self._watched.saw(piece)
        return piece

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the stream; what was not read is not wanted."""
        self._watched.end(early=True)
        close = getattr(self._inner, "close", None) or getattr(self._inner, "aclose", None)
        if callable(close):
            await awaited(close())

    aclose = close

    def __del__(self) -> None:
        watched = getattr(self, "_watched", None)
        if watched is not None:
            watched.end(early=True)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_inner", "_watched"):
            raise AttributeError(name)
        return getattr(self._inner, name)


# --- begun -----------------------------------------------------------------------------------------


class Begun:
    """An iterator whose first piece has come, so that an arm that fails before it can still be replaced."""

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces
        self._iterator = iter(pieces)
        self._first = next(self._iterator, _NOTHING)
        self.first_at = time.perf_counter() if self._first is not _NOTHING else None

    def __iter__(self) -> Begun:
        return self

    def __next__(self) -> Any:
        first, self._first = self._first, _NOTHING
        return next(self._iterator) if first is _NOTHING else first

    def close(self) -> None:
        """Close what it reads from."""
        close = getattr(self._pieces, "close", None)
        if callable(close):
            close()


class AsyncBegun:
    """The same of an async iterator; made with `abegun`."""

    def __init__(self, pieces: Any, iterator: Any, first: Any) -> None:
        self._pieces, self._iterator, self._first = pieces, iterator, first
        self.first_at = time.perf_counter() if first is not _NOTHING else None

    def __aiter__(self) -> AsyncBegun:
        return self

    async def __anext__(self) -> Any:
        first, self._first = self._first, _NOTHING
        return await anext(self._iterator) if first is _NOTHING else first

    async def aclose(self) -> None:
        """Close what it reads from."""
        close = getattr(self._pieces, "aclose", None)
        if callable(close):
            await awaited(close())


async def abegun(pieces: Any) -> AsyncBegun:
    """Return an async iterator (or what awaits to one) whose first piece has come."""
    source = await awaited(pieces)
    iterator = aiter(source)
    return AsyncBegun(source, iterator, await anext(iterator, _NOTHING))

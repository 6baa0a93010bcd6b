"""What the engine needs from outside: one try at a call, a place for answers, a price."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pytest_llmupgrade.model import Request, Usage

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Answer, Completion, ModelSpec

Cost: TypeAlias = Callable[[Request, Usage | None], Decimal | None]
"""What a call cost in USD; None where no price is known."""


class Provider(Protocol):
    """What makes a single try."""

    async def acomplete(self, request: Request, spec: ModelSpec) -> Answer:
        """Return the answer, or why there is none; raise for nothing but cancellation."""

    def prepare(self) -> None:
        """Do what takes long before the first call, such as imports; may be called again."""

    async def aclose(self) -> None:
        """Release what the running event loop holds."""


class Shelf(Protocol):
    """Where answers are kept; both methods may be called from any thread, and neither raises for a disk that fails."""

    def get(self, key: str) -> Completion | None:
        """Return the answer to a request's key, if it is there."""

    def put_many(self, entries: Iterable[tuple[Request, Completion]]) -> None:
        """Keep answers, durably, before it returns."""


class NoShelf:
    """Keeps nothing: for an engine without a store."""

    def get(self, key: str) -> None:
        """Return None."""

    def put_many(self, entries: Iterable[tuple[Request, Completion]]) -> None:
        """Keep nothing."""

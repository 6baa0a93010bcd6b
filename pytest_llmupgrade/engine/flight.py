"""One call on its way from plan or demand to its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade.engine.retry import Tries
from pytest_llmupgrade.model import Answer, Completion, Request

if TYPE_CHECKING:
    from concurrent.futures import Future

After: TypeAlias = Callable[[Completion], Sequence[Request]]
"""What to ask next, once an answer is there; must be quick, for it runs in the loop's thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A request that a selected item is going to make."""

    request: Request
    owner: str = ""
    """The item's node id, for `Engine.reached`."""
    after: After | None = None
    follow_ups: int = 0
    """How many calls `after` will ask for, as far as is known."""


@dataclass(slots=True, kw_only=True, eq=False)
class Flight:
    """A call under way; it changes in the loop's thread only."""

    request: Request
    key: str
    demanded: bool
    """Somebody is waiting for it."""
    tries: Tries = field(default_factory=Tries)
    sent_at: float = 0.0
    """When the last try was sent, in seconds of the loop's clock."""
    reserved: float = 0.0
    """Tokens that the last try was expected to use."""
    sent: int = 0
    """Tries that were sent."""
    answered: bool = False
    """The answer is there, on its way to the disk."""
    waiting: list[Future[Answer]] = field(default_factory=list)
    afters: list[After] = field(default_factory=list)

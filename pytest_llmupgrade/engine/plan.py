"""The selected items' calls in execution order, let out as execution comes near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade.engine.flight import Planned
from pytest_llmupgrade.engine.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_llmupgrade.engine.jobs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """A job that a selected item is going to need."""

    key: str
    run: Run
    owner: str = ""


Entry: TypeAlias = "Planned | PlannedJob"


class Plan:
    """Hands each entry on once, when it comes into the window, and keeps it no longer."""

    def __init__(self, ahead: int, let_out: Callable[[str, Entry], object]) -> None:
        self._window = Window(ahead)
        self._let_out = let_out
        self._entries: list[Entry | None] = []
        self._by_owner: dict[str, int] = {}
        self._by_key: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add entries at the end."""
        for index, entry in enumerate(entries, start=len(self._entries)):
            if entry.owner:
                self._by_owner.setdefault(entry.owner, index)
        self._entries.extend(entries)
        self._out(self._window.extend(len(entries)))

    def reached(self, owner: str) -> None:
        """Say that an item is being executed."""
        index = self._by_owner.pop(owner, None)
        if index is not None:
            self._out(self._window.reached(index))

    def taken(self, key: str) -> None:
        """Say that an answer was asked for."""
        index = self._by_key.pop(key, None)
        if index is not None:
            self._out(self._window.reached(index))

    def _out(self, indexes: Iterable[int]) -> None:
        for index in indexes:
            entry, self._entries[index] = self._entries[index], None
            if entry is not None:
                # The key is made only now: 50,000 of them at once would take a second.
                key = entry.request.key if isinstance(entry, Planned) else entry.key
                self._by_key[key] = index
                self._let_out(key, entry)

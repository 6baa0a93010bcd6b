"""Which planned entries may be completed now: a bounded number ahead of what is being executed."""

from __future__ import annotations


class Window:
    """Numbered entries; each is let in once, when execution comes within `ahead` entries of it.

    Several workers execute in several places, so every place that is reached opens a window of its own.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._let_in = bytearray()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self._let_in)

    def extend(self, count: int) -> tuple[int, ...]:
        """Add entries at the end; return those that may be completed at once."""
        first = self.size
        self._let_in.extend(bytes(count))
        return self.reached(0) if first == 0 else ()

    def reached(self, index: int) -> tuple[int, ...]:
        """Say that an entry is being executed; return those that may be completed from now on, in order."""
        end = min(index + self._ahead, self.size)
        new = []
        at = self._let_in.find(0, index, end)
        while at != -1:
            self._let_in[at] = 1
            new.append(at)
            at = self._let_in.find(0, at + 1, end)
        return tuple(new)

"""Whether a failed call is tried again, and when: the only place that retries.

Pure: chance comes in as a function, and there is no clock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.model import CallFailure

WORTH_ANOTHER_TRY = frozenset({"rate_limit", "server", "connection", "timeout", "protocol"})
LONGEST_RETRY_AFTER_S = 120.0
"""A server that asks for a longer wait is not tried again."""
_LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What one call has been through."""

    failed: int = 0
    """Tries that failed, but for 429."""
    turned_away: int = 0
    """Tries that the server refused with 429."""

    def after(self, failure: CallFailure) -> Tries:
        """Return the count with one more failure."""
        if failure.kind == "rate_limit":
            return Tries(failed=self.failed, turned_away=self.turned_away + 1)
        return Tries(failed=self.failed + 1, turned_away=self.turned_away)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential waits with full jitter: each is uniform between zero and a ceiling that doubles."""

    max_attempts: int = 5
    max_rate_limited: int = 10
    first_s: float = 0.5
    chance: Callable[[], float] = random.random

    def wait_s(self, failure: CallFailure, tries: Tries) -> float | None:
        """Return the seconds before the next try; None where it would not help. `tries` holds this failure."""
        if failure.kind not in WORTH_ANOTHER_TRY or self._used_up(tries):
            return None
        asked = failure.retry_after_s or 0.0
        return None if asked > LONGEST_RETRY_AFTER_S else asked + self._jittered(tries)

    def _used_up(self, tries: Tries) -> bool:
        return tries.failed >= self.max_attempts or tries.turned_away >= self.max_rate_limited

    def _jittered(self, tries: Tries) -> float:
        doublings = max(tries.failed + tries.turned_away - 1, 0)
        return self.chance() * min(_LONGEST_WAIT_S, self.first_s * 2.0**doublings)


class RetryBudget:
    """Keeps a failing server from being hammered: each call made earns a share of a retry."""

    def __init__(self, *, share: float = 0.2, reserve: int = 10) -> None:
        self._share = share
        self._left = float(reserve)

    def earn(self) -> None:
        """Count a call's first try."""
        self._left += self._share

    def spend(self) -> bool:
        """Take one retry; False where none is left."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

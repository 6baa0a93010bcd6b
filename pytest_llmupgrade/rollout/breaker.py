"""Stops trying an arm that fails too often, and tries it again after a while."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import BreakerRule

_SLICES = 12


class Breaker:
    """One for each arm, process and rule: closed, open for the cool-down, then one probe at a time."""

    def __init__(self, rule: BreakerRule) -> None:
        self.rule = rule
        self._lock = Lock()
        self._slices: dict[int, list[int]] = {}
        """By slice of the window: calls, failures."""
        self._opened: float | None = None
        self._probing: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are held back, but for a probe."""
        return self._opened is not None

    def allows(self, now: float) -> bool:
        """Return whether a call may be tried at `now`, seconds; where it may as a probe, it is the only one."""
        return True if self._opened is None else self._may_probe(now)

    def _may_probe(self, now: float) -> bool:
        with self._lock:
            # A probe that never ended (its thread was killed) must not keep the arm shut for good.
            since = self._opened if self._probing is None else self._probing
            if since is None:
                return True  # closed meanwhile
            if now - since < self.rule.cooldown_s:
                return False
            self._probing = now
            return True

    def saw(self, *, failed: bool, now: float) -> None:
        """Take the end of a call that was tried into account."""
        with self._lock:
            if self._opened is not None:
                self._after_probe(failed=failed, now=now)
            else:
                self._count(failed=failed, now=now)

    def _after_probe(self, *, failed: bool, now: float) -> None:
        if self._probing is None:
            return  # it was under way when the breaker opened, and says nothing about now
        self._probing = None
        self._opened = now if failed else None
        self._slices.clear()

    def _count(self, *, failed: bool, now: float) -> None:
        current = int(now / self.rule.window_s * _SLICES)
        counts = self._slices.get(current)
        if counts is None:
            counts = self._slices[current] = [0, 0]
            for old in [number for number in self._slices if number <= current - _SLICES]:
                del self._slices[old]
        counts[0] += 1
        counts[1] += failed
        if failed and self._trips():
            self._opened = now

    def _trips(self) -> bool:
        calls = sum(each[0] for each in self._slices.values())
        failures = sum(each[1] for each in self._slices.values())
        return calls >= self.rule.min_requests and failures >= self.rule.error_share * calls

"""Stops calling where the same failure comes back every time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_llmupgrade.model import CallFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.model import Answer, FailureKind

HOPELESS: frozenset[FailureKind] = frozenset({"auth", "quota", "not_found"})
"""Nothing but the user can mend these."""
IN_A_ROW: Mapping[FailureKind, int] = {
    **dict.fromkeys(HOPELESS, 3),
    # each of these has used up its retries already
    "server": 20,
    "connection": 20,
    "timeout": 20,
    "rate_limit": 20,
    "protocol": 20,
}


class Breaker:
    """One for each model: opens for good after so many failures of one kind in a row."""

    def __init__(self) -> None:
        self._kind: FailureKind | None = None
        self._run = 0
        self._open: CallFailure | None = None

    @property
    def failure(self) -> CallFailure | None:
        """What a call fails with without being sent; None while calls may be sent."""
        return self._open

    def saw(self, answer: Answer) -> bool:
        """Take a call's final answer into account; True where this one opened the breaker."""
        if not isinstance(answer, CallFailure):
            self._kind, self._run = None, 0
            return False
        most = IN_A_ROW.get(answer.kind)
        if most is None or self._open is not None:
            return False  # a fault of the request itself says nothing about the next request
        self._run = self._run + 1 if answer.kind == self._kind else 1
        self._kind = answer.kind
        if self._run < most:
            return False
        self._open = replace(
            answer, message=f"{answer.message}; not sent, after {most} such failures in a row"
        )
        return True

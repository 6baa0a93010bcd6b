"""Answers that nobody has asked for yet."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Answer


class Results:
    """Holds each answer until it is taken, once; the oldest goes where there are too many, for the store has it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._answers)

    def look(self, key: str) -> Answer | None:
        """Return an answer and go on holding it; None where it is not there."""
        return self._answers.get(key)

    def put(self, key: str, answer: Answer) -> None:
        """Hold an answer."""
        with self._lock:
            self._answers[key] = answer
            if len(self._answers) > self._most:
                del self._answers[next(iter(self._answers))]

    def take(self, key: str) -> Answer | None:
        """Return an answer and forget it; None where it is not there."""
        with self._lock:
            return self._answers.pop(key, None)

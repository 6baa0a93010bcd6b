"""A hard cap on what a run may spend."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_llmupgrade.model import Usage
from pytest_llmupgrade.prices import CHARS_PER_TOKEN

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Answer, Request

Leave: TypeAlias = Literal["go", "wait", "refuse"]


class Budget:
    """Counts money; a call in flight counts with what calls of its model cost so far, on average."""

    def __init__(self, cap_usd: Decimal | None) -> None:
        self._cap = cap_usd
        self.spent_usd = Decimal(0)
        self.unpriced = 0
        """Calls whose price is unknown."""
        self._in_flight: dict[str, int] = {}
        self._paid: dict[str, tuple[Decimal, int]] = {}

    def leave(self) -> Leave:
        """Say whether another call may be sent: 'wait' where those in flight may use up what is left."""
        if self._cap is None:
            return "go"
        if self.spent_usd >= self._cap:
            return "refuse"
        expected = sum((self._mean(model) * count for model, count in self._in_flight.items()), Decimal(0))
        return "wait" if self.spent_usd + expected >= self._cap else "go"

    def sent(self, model: str) -> None:
        """Count a call that is on its way."""
        self._in_flight[model] = self._in_flight.get(model, 0) + 1

    def back(self, model: str) -> None:
        """Count a call that is no longer on its way, answered or not."""
        self._in_flight[model] -= 1

    def pay(self, model: str, cost_usd: Decimal | None) -> None:
        """Count what a call cost; None: unknown."""
        if cost_usd is None:
            self.unpriced += 1
            return
        self.spent_usd += cost_usd
        total, count = self._paid.get(model, (Decimal(0), 0))
        self._paid[model] = (total + cost_usd, count + 1)

    def _mean(self, model: str) -> Decimal:
        total, count = self._paid.get(model, (Decimal(0), 0))
        return total / count if count else Decimal(0)


def usage_by_length(request: Request, answer: Answer) -> Usage:
    """Return about what a call used, for a server that does not say it: a cap that counts nothing caps nothing."""
    asked = len(json.dumps(request.body, ensure_ascii=False))
    said = len(getattr(answer, "text", ""))
    return Usage(input_tokens=asked // CHARS_PER_TOKEN + 1, output_tokens=said // CHARS_PER_TOKEN + 1)

"""Judges of what an answer took: money, time, tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.expectation import limit_for
from pytest_llmupgrade.model import Verdict

if TYPE_CHECKING:
    from decimal import Decimal

    from pytest_llmupgrade.model import Case, Completion, Json


def max_cost(
    completion: Completion, case: Case, expected: Json = None, *, cost_usd: Decimal | None
) -> Verdict:
    """Pass where the completion cost at most so many USD."""
    limit = limit_for("max_cost", expected, "USD", "0.002")
    if cost_usd is None:
        raise JudgeError(
            f"judge 'max_cost' does not know what the answer to {case.id!r} by {completion.model or 'this model'!r} "
            'cost: declare price = {input = ..., output = ...} in [tool.llmupgrade.models."MODEL"]'
        )
    return _at_most("the completion cost", cost_usd, limit, "USD")


def max_latency(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where the answer came within so many seconds."""
    limit = limit_for("max_latency", expected, "seconds", "2.5")
    if completion.latency_ms <= 0:
        raise JudgeError(f"judge 'max_latency' does not know how long the answer to {case.id!r} took")
    return _at_most("the answer took", round(completion.latency_ms / 1000, 3), limit, "s")


def max_tokens(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where the answer has at most so many output tokens, the reasoning ones included."""
    limit = limit_for("max_tokens", expected, "tokens", "200")
    if completion.usage is None:
        raise JudgeError(
            f"judge 'max_tokens' does not know the tokens of the answer to {case.id!r}: the server sent no usage"
        )
    return _at_most("the answer has", completion.usage.output_tokens, limit, "output tokens")


def _at_most(what: str, amount: Decimal | float, limit: Decimal, unit: str) -> Verdict:
    passed = amount <= limit
    return Verdict(passed, f"{what} {amount} {unit}, {'within' if passed else 'more than'} {limit}")

"""Token counts as providers send them -> Usage, or None where they make no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.model import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 10**12
"""More tokens than any call has: a larger count is nonsense."""


def chat_usage(data: object) -> Usage | None:
    """Read the `usage` of Chat Completions."""
    return _usage(data, "prompt_tokens", "completion_tokens")


def responses_usage(data: object) -> Usage | None:
    """Read the `usage` of Responses."""
    return _usage(data, "input_tokens", "output_tokens")


def _usage(data: object, given: str, written: str) -> Usage | None:
    if not isinstance(data, dict):
        return None
    counts = (
        _count(data.get(given)),
        _count(data.get(written)),
        _detail(data, given, "cached_tokens"),
        _detail(data, written, "reasoning_tokens"),
    )
    match counts:
        case (int() as inputs, int() as outputs, int() as cached, int() as reasoning) if cached <= inputs:
            outputs = _with_reasoning(inputs, outputs, reasoning, _count(data.get("total_tokens")))
        case _:
            return None
    if reasoning > outputs:
        return None
    return Usage(
        input_tokens=inputs, output_tokens=outputs, cached_input_tokens=cached, reasoning_tokens=reasoning
    )


def _with_reasoning(inputs: int, outputs: int, reasoning: int, total: int | None) -> int:
    """Return all output tokens: some servers count reasoning beside them, which shows in their total."""
    apart = reasoning > 0 and total == inputs + outputs + reasoning
    return outputs + reasoning if apart else outputs


def _detail(data: Mapping[str, Any], whole: str, part: str) -> int | None:
    details = data.get(f"{whole}_details")
    value = details.get(part) if isinstance(details, dict) else None
    return 0 if value is None else _count(value)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST else None

"""Completions and cases in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.model import Case, Completion, ModelSpec, ToolCall, Usage

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Json, JsonObject

QUESTION = "How long do I have to return shoes?"


def answer(text: str = "", *calls: tuple[str, str], finish_reason: str = "stop") -> Completion:
    """Return a completion with that text and (name, arguments) tool calls; it took 1.25 s and 30 tokens."""
    return Completion(
        text=text,
        tool_calls=tuple(ToolCall(name=name, arguments=arguments) for name, arguments in calls),
        finish_reason=finish_reason,
        usage=Usage(input_tokens=70, output_tokens=30),
        model="gpt-4o-2024-08-06",
        latency_ms=1250.0,
    )


def case(expected: Json = None, *, response_format: JsonObject | None = None) -> Case:
    """Return a case with that expected answer."""
    return Case(
        id="refund-window",
        file="evals/eval_support.yaml",
        line=3,
        messages=({"role": "user", "content": QUESTION},),
        expected=expected,
        response_format=response_format,
    )


JUDGE_MODEL = ModelSpec(name="gpt-5", wire_name="gpt-5-2025-08-07", base_url="http://127.0.0.1:1/v1")

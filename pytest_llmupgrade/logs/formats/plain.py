"""The plain shape: `{messages, assistant_response, user_rating, category, difficulty}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.logs.formats.calls import call_of
from pytest_llmupgrade.logs.formats.wire import Answer, exchange, last_answer, message_answer, question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.logs.exchange import Exchange, Skip

_ANSWERS = ("assistant_response", "response", "completion", "answer", "output")


def fits(record: Mapping[str, Any]) -> bool:
    """Tell the plain shape."""
    return "assistant_response" in record or (
        ("messages" in record or "input" in record) and any(key in record for key in _ANSWERS)
    )


def read(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return a record's Exchange; without `assistant_response` the last assistant message is the answer."""
    messages = record.get("messages")
    if type(messages) is not list:
        messages = question(record.get("input") if messages is None else messages)
    answer = _answer(record)
    if not answer.text and not answer.tool_calls:
        messages, answer = last_answer(messages)
    return exchange(messages, answer, request=record, meta=record, call=call_of(record))


def _answer(record: Mapping[str, Any]) -> Answer:
    text = record.get("assistant_response")
    if type(text) is str and "tool_calls" not in record:
        return Answer(text)
    said = next(
        (message_answer(record[key]) for key in _ANSWERS if record.get(key) is not None), Answer(None)
    )
    called = message_answer({"tool_calls": record.get("tool_calls")}).tool_calls
    return said._replace(tool_calls=called) if called else said

"""OpenAI's files: fine-tuning and distillation, stored completions, batches, Evals.

Shapes: openai-python 3.54 (types/fine_tuning, types/evals, batch_create_params), openai-openapi f85dbe2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.logs.exchange import Skip, unreadable
from pytest_llmupgrade.logs.formats.calls import call_of
from pytest_llmupgrade.logs.formats.wire import (
    Answer,
    exchange,
    last_answer,
    message_answer,
    question,
    request_messages,
    response_answer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.logs.exchange import Exchange

_QUESTIONS = ("messages", "input", "question", "prompt", "query")
_REFERENCES = ("ref", "reference", "expected", "expected_output", "ideal", "answer", "correct_label", "label")
_NO_MESSAGES = unreadable(
    "a stored completion without its messages: fetch /chat/completions/{id}/messages into 'messages'"
)
_REPLACED = Skip(reason="a message left out of training (weight 0)")


def is_fine_tuning(record: Mapping[str, Any]) -> bool:
    """Tell a line of a fine-tuning file: messages that end with the answer."""
    return "messages" in record and record.keys() <= _TUNING


_TUNING = frozenset(
    (
        "messages",
        "tools",
        "functions",
        "parallel_tool_calls",
        "metadata",
        "category",
        "difficulty",
        "user_rating",
    )
)


def fine_tuning(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return a training example's Exchange; `weight` 0 marks an answer that was not worth learning."""
    messages, answer = last_answer(record.get("messages"))
    if isinstance(messages, list) and len(messages) < len(record["messages"]):
        if record["messages"][-1].get("weight") == 0:
            return _REPLACED
        messages = [_without_weight(message) for message in messages]
    return exchange(messages, answer, request=record, meta={**_meta(record), **record})


def _without_weight(message: Any) -> Any:
    if isinstance(message, dict) and "weight" in message:
        return {key: value for key, value in message.items() if key != "weight"}
    return message


def is_stored(record: Mapping[str, Any]) -> bool:
    """Tell a stored completion."""
    return record.get("object") == "chat.completion"


def stored(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return a stored completion's Exchange; its messages come from an endpoint of their own."""
    messages = record.get("messages", record.get("input"))
    if isinstance(messages, dict):  # the endpoint's answer as it stands
        messages = messages.get("data")
    if not messages:
        return _NO_MESSAGES
    messages = [_bare(message) for message in messages] if isinstance(messages, list) else question(messages)
    return exchange(
        messages, response_answer(record), request=record, meta=_meta(record), call=call_of(record)
    )


def _bare(message: Any) -> Any:
    """Return a stored message without the identifiers that the endpoint adds and the API does not take."""
    if not isinstance(message, dict):
        return message
    kept = ("role", "content", "tool_calls", "tool_call_id", "name")
    return {key: message[key] for key in kept if message.get(key) is not None}


def is_batch_input(record: Mapping[str, Any]) -> bool:
    """Tell a batch's request."""
    return "custom_id" in record and "body" in record


def is_batch_output(record: Mapping[str, Any]) -> bool:
    """Tell a batch's response."""
    return "custom_id" in record and "response" in record


def batch(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return the Exchange of a batch's request that was joined with its response."""
    body = record.get("body")
    if not isinstance(body, dict):
        return unreadable("a batch's response without its request: name the input file, too")
    response = record.get("response")
    if record.get("error") or not isinstance(response, dict) or response.get("status_code") != 200:  # noqa: PLR2004  HTTP
        return Skip(reason="the call failed")
    said = response.get("body")
    call = call_of(said, {"model": body.get("model")})
    return exchange(request_messages(body), response_answer(said), request=body, meta=_meta(body), call=call)


def is_evals_data(record: Mapping[str, Any]) -> bool:
    """Tell a line of an Evals data file."""
    return isinstance(record.get("item"), dict)


def evals_data(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return a data item's Exchange: its reference is the answer, else what was sampled."""
    item = record["item"]
    answer = message_answer(_first(item, _REFERENCES))
    if not answer.text:
        answer = _sampled(record.get("sample"))
    return exchange(question(_first(item, _QUESTIONS)), answer, meta=item)


def is_evals_output(record: Mapping[str, Any]) -> bool:
    """Tell an output item of an Evals run."""
    return record.get("object") == "eval.run.output_item" or (
        "datasource_item" in record and "sample" in record
    )


def evals_output(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return an output item's Exchange; a pass counts as a rating of 5, a fail as 1."""
    sample = record.get("sample")
    if not isinstance(sample, dict):
        return unreadable("no sample")
    if sample.get("error"):
        return Skip(reason="the call failed")
    item = record.get("datasource_item")
    meta = {**(item if isinstance(item, dict) else {}), "user_rating": record.get("status") == "pass"}
    call = call_of(sample, {"created_at": record.get("created_at")})
    return exchange(question(sample.get("input")), _sampled(sample), request=sample, meta=meta, call=call)


def _sampled(sample: Any) -> Answer:
    if not isinstance(sample, dict):
        return Answer(None)
    output = sample.get("output")
    if isinstance(output, list) and output:
        return message_answer(output[-1])
    return message_answer(sample.get("output_text", sample.get("choices") and response_answer(sample).text))


def _first(item: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _meta(record: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = record.get("metadata")
    return meta if isinstance(meta, dict) else {}

"""Exports of observability tools: Langfuse, LangSmith, Helicone, LiteLLM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.logs.exchange import Skip, decoded, number, unreadable
from pytest_llmupgrade.logs.formats.calls import call_of, span_ms
from pytest_llmupgrade.logs.formats.wire import (
    Answer,
    exchange,
    message_answer,
    question,
    request_messages,
    response_answer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.logs.exchange import Exchange

_FAILED = Skip(reason="the call failed")
_FIRST_ERROR = 400
_LANGCHAIN_ROLES = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "function",
}

# --- Langfuse: observations, langfuse-docs blob-storage-export-fields.mdx; camelCase from API and UI ---


def is_langfuse(record: Mapping[str, Any]) -> bool:
    """Tell an observation of Langfuse."""
    return "type" in record and ("trace_id" in record or "traceId" in record)


def langfuse(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return a generation's Exchange; input, output and parameters may be JSON texts."""
    if record.get("type") != "GENERATION":
        return Skip(reason="an observation of another kind")
    if record.get("level") == "ERROR":
        return _FAILED
    given = decoded(record.get("input"))
    params = decoded(record.get("model_parameters", record.get("modelParameters")))
    request = {**_dict(params), **_dict(given)}
    meta = {**_dict(decoded(record.get("metadata"))), **_scores(record.get("scores"))}
    call = call_of(record, latency_ms=_milliseconds(record.get("latency"), 1000))
    return exchange(
        question(given), response_answer(record.get("output")), request=request, meta=meta, call=call
    )


def _scores(scores: Any) -> dict[str, Any]:
    """Return scores that were exported with their observation, by name."""
    listed = scores if isinstance(scores, list) else []
    return {str(one.get("name")): one.get("value") for one in listed if isinstance(one, dict)}


# --- LangSmith: schemas.Example and RunBase, langsmith 0.15.0 ---


def is_langsmith(record: Mapping[str, Any]) -> bool:
    """Tell a LangSmith example or run."""
    return isinstance(record.get("inputs"), dict) and "outputs" in record


def langsmith(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return the Exchange of a dataset's example or of an LLM run."""
    if record.get("run_type", "llm") not in ("llm", "chain"):
        return Skip(reason="a run of another kind")
    if record.get("error"):
        return _FAILED
    inputs, outputs = record["inputs"], _dict(record.get("outputs"))
    extra = _dict(_dict(record.get("extra")).get("metadata"))
    meta = {**extra, **_dict(record.get("metadata")), **_feedback(record.get("feedback_stats"))}
    used = _dict(_dict(outputs.get("llm_output")).get("token_usage"))
    call = call_of(extra, {"usage": used}, record, latency_ms=span_ms(record))
    return exchange(
        _langsmith_question(inputs), _langsmith_answer(outputs), request=inputs, meta=meta, call=call
    )


def _langsmith_question(inputs: Mapping[str, Any]) -> Any:
    messages = inputs.get("messages")
    if isinstance(messages, list):
        if messages and isinstance(messages[0], list):  # a run keeps a list of prompts
            messages = messages[0]
        return [_langchain_message(message) for message in messages]
    keys = ("input", "question", "query", "prompt")
    value = next((inputs[key] for key in keys if inputs.get(key)), None)
    if value is None and len(inputs) == 1:
        value = next(iter(inputs.values()))
    return question(value)


def _langsmith_answer(outputs: Mapping[str, Any]) -> Answer:
    generations = outputs.get("generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    if isinstance(generations, dict):
        message = message_answer(_langchain_message(generations.get("message")))
        return message if message.text or message.tool_calls else message_answer(generations.get("text"))
    messages = outputs.get("messages")
    if isinstance(messages, list) and messages:
        return message_answer(_langchain_message(messages[-1]))
    if "choices" in outputs or "role" in outputs:
        return response_answer(outputs)
    value = next((outputs[key] for key in ("output", "answer", "response") if outputs.get(key)), None)
    if value is None and len(outputs) == 1:
        value = next(iter(outputs.values()))
    return message_answer(_langchain_message(value))


def _langchain_message(message: Any) -> Any:
    """Return a message as Chat Completions writes it, from LangChain's serialised or plain form."""
    if not isinstance(message, dict):
        return message
    source = _dict(message.get("kwargs")) or _dict(message.get("data")) or message
    kind = source.get("type") or message.get("type")
    role = source.get("role") or _LANGCHAIN_ROLES.get(kind if isinstance(kind, str) else "")
    if role is None:
        return message
    if kind is None:
        return message
    calls = source.get("tool_calls")
    told = {"role": role, "content": source.get("content")}
    if isinstance(source.get("tool_call_id"), str):
        told["tool_call_id"] = source["tool_call_id"]
    return {**told, "tool_calls": calls} if calls else told


def _feedback(stats: Any) -> dict[str, Any]:
    return {key: value.get("avg") for key, value in _dict(stats).items() if isinstance(value, dict)}


# --- Helicone: @helicone/export, HeliconeRequest ---


def is_helicone(record: Mapping[str, Any]) -> bool:
    """Tell a request of Helicone."""
    return "request_id" in record and ("request_body" in record or "request_created_at" in record)


def helicone(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return a request's Exchange; `feedback_rating` is a boolean there: 5 or 1."""
    status = record.get("response_status")
    if isinstance(status, int) and status >= _FIRST_ERROR:
        return _FAILED
    body = decoded(record.get("request_body"))
    if not body:
        return unreadable("no bodies: export with --include-body")
    meta = {**_dict(record.get("request_properties")), "feedback_rating": record.get("feedback_rating")}
    answer = response_answer(record.get("response_body"))
    call = call_of(
        decoded(record.get("response_body")), record, latency_ms=_milliseconds(record.get("delay_ms"), 1)
    )
    return exchange(request_messages(body), answer, request=_dict(body), meta=meta, call=call)


# --- LiteLLM: LiteLLM_SpendLogs, litellm 1.109.1 ---


def is_litellm(record: Mapping[str, Any]) -> bool:
    """Tell a row of LiteLLM's spend logs."""
    return "call_type" in record and "spend" in record


def litellm(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return a spend log's Exchange; prompts are in it only where the proxy was told to store them."""
    if record.get("status") == "failure":
        return _FAILED
    messages = decoded(record.get("messages"))
    if not messages:
        return unreadable("no prompts: set general_settings.store_prompts_in_spend_logs")
    request = _dict(decoded(record.get("proxy_server_request")))
    meta = _dict(decoded(record.get("metadata")))
    call = call_of(decoded(record.get("response")), record, latency_ms=span_ms(record))
    return exchange(
        question(messages), response_answer(record.get("response")), request=request, meta=meta, call=call
    )


def _milliseconds(value: Any, factor: float) -> float:
    return number(value) * factor if not isinstance(value, bool) else 0.0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

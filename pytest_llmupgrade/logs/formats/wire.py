"""What the formats share: requests and responses as the providers' APIs write them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_llmupgrade.logs.exchange import (
    GENERAL,
    MEDIUM,
    NO_CALL,
    Call,
    Exchange,
    Skip,
    decoded,
    fault_of,
    label,
    number,
    text_of,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PARAMS = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "reasoning_effort")
_REQUEST = frozenset(("tools", "response_format", *_PARAMS))
_RATINGS = ("rating", "feedback_rating", "user_feedback", "score")
_RESPONSE = frozenset(("choices", "output", "content", "role", "tool_calls"))
"""Keys of a response or a message, one of which it has."""
NO_ANSWER = Skip(reason="no answer")


class Answer(NamedTuple):
    """What came back; a named tuple, for a million of them are made."""

    text: str | None
    tool_calls: Sequence[Mapping[str, Any]] = ()


def exchange(
    messages: Any,
    answer: Answer,
    *,
    request: Mapping[str, Any] | None = None,
    meta: Any = None,
    call: Call = NO_CALL,
) -> Exchange | Skip:
    """Return a record's Exchange; `request` carries parameters and tools, `meta` rating, category, difficulty."""
    fault = fault_of(messages)
    if fault:
        return unreadable(fault)
    if not answer.text and not answer.tool_calls:
        return NO_ANSWER
    meta = meta if isinstance(meta, dict) else {}
    asked = _NOTHING if request is None or _REQUEST.isdisjoint(request) else _asked(request)
    return Exchange(
        messages=messages,
        answer=answer.text or None,
        tool_calls=answer.tool_calls,
        rating=rating_of(meta),
        category=label(meta.get("category"), GENERAL),
        difficulty=label(meta.get("difficulty"), MEDIUM),
        tools=asked.tools,
        response_format=asked.response_format,
        params=asked.params,
        call=call,
    )


class _Asked(NamedTuple):
    """What a request says beside its messages."""

    tools: Sequence[Any] = ()
    response_format: Any = None
    params: Mapping[str, Any] = MappingProxyType({})


_NOTHING = _Asked()


def _tool(tool: Any) -> dict[str, Any] | None:
    """Return a tool's definition as Chat Completions takes it, from the Responses' or Anthropic's flat form, too."""
    if not isinstance(tool, dict) or isinstance(tool.get("function"), dict):
        return tool if isinstance(tool, dict) else None
    if not isinstance(tool.get("name"), str):
        return None
    parameters = tool.get("parameters", tool.get("input_schema", {}))
    told = {"name": tool["name"], "description": tool.get("description", ""), "parameters": parameters}
    return {"type": "function", "function": told}


def _asked(request: Mapping[str, Any]) -> _Asked:
    tools, form = request.get("tools"), request.get("response_format")
    return _Asked(
        tuple(tool for tool in map(_tool, tools) if tool) if isinstance(tools, list) else (),
        form if isinstance(form, dict) else None,
        {key: request[key] for key in _PARAMS if request.get(key) is not None},
    )


def rating_of(meta: Mapping[str, Any]) -> float:
    """Return the rating under one of its usual names, 0 where there is none."""
    value = meta.get("user_rating")
    if value is not None:
        return number(value)
    for key in _RATINGS:
        value = meta.get(key)
        if value is not None:
            return number(value)
    return 0.0


def message_answer(message: Any) -> Answer:
    """Return what an assistant's message says and calls."""
    if isinstance(message, str):
        return Answer(message)
    if not isinstance(message, dict):
        return Answer(None)
    calls = message.get("tool_calls")
    legacy = message.get("function_call")
    if not isinstance(calls, list):
        calls = [{"function": legacy}] if isinstance(legacy, dict) else []
    text = text_of(message.get("content"))
    return Answer(text, tuple(call for call in map(tool_call, calls) if call))


def tool_call(call: Any) -> dict[str, Any] | None:
    """Return `{name, arguments}` of a tool call as an API writes it, None where it names no tool."""
    if not isinstance(call, dict):
        return None
    inner = call.get("function")
    source = inner if isinstance(inner, dict) else call
    name = source.get("name")
    if not isinstance(name, str) or not name:
        return None
    arguments = decoded(source.get("arguments", source.get("args", source.get("input"))))
    return {"name": name, "arguments": arguments} if isinstance(arguments, dict) else {"name": name}


def response_answer(body: Any) -> Answer:
    """Return the answer of a response body: Chat Completions, Responses or Anthropic's Messages."""
    written, body = body, decoded(body)
    if not isinstance(body, dict):
        return message_answer(written)
    if isinstance(written, str) and not _RESPONSE & body.keys():
        return Answer(written)  # the model answered in JSON
    choices = body.get("choices")
    if isinstance(choices, list):
        first = choices[0] if choices and isinstance(choices[0], dict) else {}
        return message_answer(first.get("message", first.get("text")))
    output = body.get("output")
    if isinstance(output, list):
        return items_answer(output)
    content = body.get("content")
    if isinstance(content, list):
        return items_answer(content)
    return message_answer(body)


def items_answer(items: Sequence[Any]) -> Answer:
    """Return the answer in a list of output items or content blocks."""
    texts, calls = [], []
    for item in items:
        if not isinstance(item, dict):
            continue
        if item.get("type") in ("function_call", "tool_use"):
            calls.append(tool_call(item))
        elif item.get("type") in (None, "message", "text", "output_text"):
            texts.append(text_of(item.get("content", item.get("text"))) or "")
    return Answer("".join(texts) or None, tuple(call for call in calls if call))


def request_messages(body: Any) -> Any:
    """Return the messages of a request body: Chat Completions, Responses or Anthropic's Messages."""
    body = decoded(body)
    if not isinstance(body, dict):
        return question(body)
    messages = decoded(body.get("messages"))
    if messages is None:
        messages = question(body.get("input", body.get("prompt")))
    system = text_of(body.get("system", body.get("instructions")))
    return (
        [{"role": "system", "content": system}, *messages] if system and type(messages) is list else messages
    )


def question(value: Any) -> Any:
    """Return messages from a text, one message or a list of them; other values as they are."""
    value = decoded(value)
    if isinstance(value, str):
        return [{"role": "user", "content": value}] if value.strip() else None
    if isinstance(value, dict):
        return [value] if "role" in value else request_messages(value) if "messages" in value else None
    return value


def last_answer(messages: Any) -> tuple[Any, Answer]:
    """Return a whole conversation as its messages up to the last answer, and that answer."""
    if type(messages) is not list or not messages or not isinstance(messages[-1], dict):
        return messages, Answer(None)
    if messages[-1].get("role") != "assistant":
        return messages, Answer(None)
    return messages[:-1], message_answer(messages[-1])

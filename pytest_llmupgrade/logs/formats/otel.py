"""OpenTelemetry's GenAI conventions: spans and events, attribute names of today and of before.

Source: open-telemetry/semantic-conventions-genai v0.1.0; opentelemetry-semantic-conventions 0.66b2 (deprecated names).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.logs.exchange import Skip, decoded, text_of
from pytest_llmupgrade.logs.formats.calls import call_of, span_ms
from pytest_llmupgrade.logs.formats.wire import Answer, exchange, message_answer, question, tool_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_llmupgrade.logs.exchange import Exchange

_PREFIX = "gen_ai."
_ANSWERED = ("chat", "text_completion", "generate_content", None)
_NOT_CHAT = Skip(reason="a span of another kind")
_PARAMS = {
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.stop_sequences": "stop",
    "gen_ai.request.seed": "seed",
}


def expanded(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the spans and log records of an OTLP JSON export."""
    for outer, middle, inner in (
        ("resourceSpans", "scopeSpans", "spans"),
        ("resourceLogs", "scopeLogs", "logRecords"),
    ):
        for resource in _dicts(record.get(outer)):
            for scope in _dicts(resource.get(middle)):
                yield from _dicts(scope.get(inner))


def fits(record: Mapping[str, Any]) -> bool:
    """Tell a span or an event, its attributes beside or inside it."""
    return any(key.startswith(_PREFIX) for key in _attributes(record))


def read(record: Mapping[str, Any]) -> Exchange | Skip:
    """Return a chat span's Exchange; spans of tools, agents and embeddings are passed over."""
    attributes = {**_of_events(record), **_attributes(record)}
    if attributes.get("gen_ai.operation.name") not in _ANSWERED:
        return _NOT_CHAT
    messages = _messages(attributes)
    if messages is None:
        return Skip(reason="a span without its messages: content capture is off")
    request = {ours: attributes[name] for name, ours in _PARAMS.items() if name in attributes}
    request["tools"] = decoded(attributes.get("gen_ai.tool.definitions"))
    call = call_of(attributes, record, latency_ms=span_ms(record))
    return exchange(messages, _answer(attributes), request=request, meta=attributes, call=call)


# --- attributes ------------------------------------------------------------------------------------


def _attributes(record: Mapping[str, Any]) -> Mapping[str, Any]:
    given = record.get("attributes")
    if isinstance(given, dict):
        return given
    if isinstance(given, list):
        return {
            one["key"]: _plain(one.get("value")) for one in _dicts(given) if isinstance(one.get("key"), str)
        }
    return record


def _plain(value: Any) -> Any:
    """Return an OTLP AnyValue as a plain value."""
    if not isinstance(value, dict):
        return value
    kind, inner = next(iter(value.items()), ("", None))
    if kind == "arrayValue":
        return [_plain(one) for one in _dicts(inner.get("values") if isinstance(inner, dict) else None)]
    if kind == "kvlistValue":
        return dict(_pairs(inner))
    if kind == "intValue" and isinstance(inner, str) and inner.lstrip("-").isdigit():
        return int(inner[:20])
    return inner


def _pairs(inner: Any) -> Iterator[tuple[str, Any]]:
    for one in _dicts(inner.get("values") if isinstance(inner, dict) else None):
        yield str(one.get("key")), _plain(one.get("value"))


def _of_events(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a span's events say: whole prompts, or a message each (both are of before)."""
    found: dict[str, Any] = {}
    messages: list[Any] = []
    for event in _dicts(record.get("events")):
        attributes = _attributes(event)
        name = str(event.get("name", attributes.get("event.name", "")))
        if name.endswith(".message"):
            body = _body(event, attributes)
            messages.append({"role": name.split(".")[1], **body})
        elif name == "gen_ai.choice":
            body = _body(event, attributes)
            found["gen_ai.completion"] = [decoded(body.get("message", body))]
        else:
            found.update({key: value for key, value in attributes.items() if key.startswith(_PREFIX)})
    if messages:
        found["gen_ai.prompt"] = messages
    return found


def _body(event: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    body = event.get("body")
    body = decoded(_plain(body)) if isinstance(body, dict) and len(body) == 1 else decoded(body)
    source = body if isinstance(body, dict) else attributes
    return {
        key: decoded(source[key]) if key == "tool_calls" else source[key] for key in _BODY if key in source
    }


_BODY = ("role", "content", "message", "tool_calls", "id", "name")

# --- messages --------------------------------------------------------------------------------------


def _messages(attributes: Mapping[str, Any]) -> Any:
    current = decoded(attributes.get("gen_ai.input.messages"))
    if current is not None:
        system = decoded(attributes.get("gen_ai.system_instructions"))
        text = text_of(system) if isinstance(system, list | str) else None
        head = [{"role": "system", "content": text}] if text else []
        return [*head, *_chat(current)] if isinstance(current, list) else current
    numbered = list(_numbered(attributes, "gen_ai.prompt."))
    return numbered or question(attributes.get("gen_ai.prompt"))


def _answer(attributes: Mapping[str, Any]) -> Answer:
    current = decoded(attributes.get("gen_ai.output.messages"))
    if isinstance(current, list):
        last = _chat(current[-1:])
        return message_answer(last[0]) if last else Answer(None)
    numbered = list(_numbered(attributes, "gen_ai.completion."))
    if numbered:
        return message_answer(numbered[0])
    legacy = decoded(attributes.get("gen_ai.completion"))
    return message_answer(legacy[0] if isinstance(legacy, list) and legacy else legacy)


def _numbered(attributes: Mapping[str, Any], prefix: str) -> Iterator[dict[str, Any]]:
    """Yield messages written as `gen_ai.prompt.0.role`, `gen_ai.prompt.0.content`, ... (OpenLLMetry)."""
    index = 0
    while isinstance(attributes.get(f"{prefix}{index}.role"), str):
        content = attributes.get(f"{prefix}{index}.content")
        message: dict[str, Any] = {"role": attributes[f"{prefix}{index}.role"], "content": content}
        calls = list(_numbered_calls(attributes, f"{prefix}{index}.tool_calls."))
        yield {**message, "tool_calls": calls} if calls else message
        index += 1


def _numbered_calls(attributes: Mapping[str, Any], prefix: str) -> Iterator[dict[str, Any]]:
    index = 0
    while isinstance(attributes.get(f"{prefix}{index}.name"), str):
        names = ("id", "name", "arguments")
        yield {
            name: attributes[f"{prefix}{index}.{name}"]
            for name in names
            if f"{prefix}{index}.{name}" in attributes
        }
        index += 1


def _chat(messages: Sequence[Any]) -> list[Any]:
    """Return messages of parts as Chat Completions writes them; a tool's responses become messages of their own."""
    return [one for message in messages for one in _chat_one(message)]


def _chat_one(message: Any) -> Iterator[Any]:
    parts = message.get("parts") if isinstance(message, dict) else None
    if not isinstance(parts, list):
        yield message
        return
    responses = [part for part in _dicts(parts) if part.get("type") == "tool_call_response"]
    for part in responses:
        yield {"role": "tool", "tool_call_id": str(part.get("id", "")), "content": _as_text(part)}
    if responses:
        return
    calls = [_chat_call(part) for part in _dicts(parts) if part.get("type") == "tool_call"]
    told = {"role": message.get("role"), "content": text_of([one for one in parts if _is_text(one)])}
    yield {**told, "tool_calls": calls} if calls else told


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type", "text") == "text"


def _as_text(part: Mapping[str, Any]) -> str:
    value = part.get("response", part.get("result", ""))
    return value if isinstance(value, str) else _json(value)


def _chat_call(part: Mapping[str, Any]) -> dict[str, Any]:
    call = tool_call(part) or {"name": ""}
    function = {"name": call["name"], "arguments": _json(call.get("arguments", {}))}
    return {"id": str(part.get("id", "")), "type": "function", "function": function}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())

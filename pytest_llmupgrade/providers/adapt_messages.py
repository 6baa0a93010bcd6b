"""Adaptations that reach into the messages of a request; each returns the body as it is where it does not apply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Json, JsonObject

_Messages = list[dict[str, Any]]


def rename_role(body: JsonObject, old: str, new: str) -> JsonObject:
    """Give the messages of one role another."""
    found = _messages(body)
    if found is None or not any(message.get("role") == old for message in found[1]):
        return body
    changed = [{**message, "role": new} if message.get("role") == old else message for message in found[1]]
    return {**body, found[0]: changed}


def fold_role(body: JsonObject, role: str) -> JsonObject:
    """Move the messages of a role into the user's first one; where there is none, they become the user's."""
    found = _messages(body)
    if found is None:
        return body
    name, messages = found
    folded = [message for message in messages if message.get("role") == role]
    rest = [message for message in messages if message.get("role") != role]
    first = next((i for i, message in enumerate(rest) if message.get("role") == "user"), None)
    if not folded or first is None:
        return rename_role(body, role, "user")
    text = "\n\n".join(_text_of(message.get("content")) for message in folded)
    rest[first] = {**rest[first], "content": _before(text, rest[first].get("content"))}
    return {**body, name: rest}


def with_schema_in_words(body: JsonObject) -> JsonObject:
    """Ask for any JSON object, and for the schema in the prompt."""
    found = _messages(body)
    match body.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": schema}} if found is not None:
            name, messages = found
        case _:
            return body
    words = f"Answer with JSON only, following this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"
    return {**body, name: _instructed(messages, words), "response_format": {"type": "json_object"}}


def _instructed(messages: _Messages, words: str) -> _Messages:
    if not messages or messages[0].get("role") not in ("system", "developer"):
        return [{"role": "system", "content": words}, *messages]
    first = messages[0]
    return [{**first, "content": f"{_text_of(first.get('content'))}\n\n{words}"}, *messages[1:]]


def _messages(body: JsonObject) -> tuple[str, _Messages] | None:
    for name in ("messages", "input"):
        found = body.get(name)
        if isinstance(found, list | tuple) and all(isinstance(message, dict) for message in found):
            return name, [message for message in found if isinstance(message, dict)]
    return None


def _text_of(content: Json) -> str:
    if isinstance(content, list | tuple):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _before(text: str, content: Json) -> Json:
    if isinstance(content, list | tuple):
        kind = next(
            (p["type"] for p in content if isinstance(p, dict) and "text" in p and "type" in p), "text"
        )
        return [{"type": kind, "text": text}, *content]
    return f"{text}\n\n{content or ''}".rstrip() if text else content

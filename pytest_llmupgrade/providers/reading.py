"""JSON of Chat Completions and Responses -> Completion or CallFailure, by hand.

Servers that call themselves compatible leave things out and add others, so what is unknown is passed over and
what is missing is said; no JSON whatever makes these functions raise.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.model import Answer, Api, CallFailure, Completion, ToolCall
from pytest_llmupgrade.providers.quoting import quoted, well_formed
from pytest_llmupgrade.providers.reading_usage import chat_usage, responses_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_llmupgrade.model import Usage

_RESPONSES_REASONS = {"max_output_tokens": "length"}


def answer_from(data: object, *, api: Api) -> Answer:
    """Read the JSON of an answer, as the API words it."""
    return chat_answer(data) if api == "chat" else responses_answer(data)


def from_sdk_object(obj: object) -> Answer:
    """Read a ChatCompletion or Response of the `openai` client, or such an object as a dict."""
    dump = getattr(obj, "model_dump", None)
    # A parsed message holds the project's own model, about which pydantic would warn.
    data = dump(warnings=False) if callable(dump) else obj
    return responses_answer(data) if isinstance(data, dict) and "output" in data else chat_answer(data)


def chat_answer(data: Any) -> Answer:
    """Read a Chat Completions answer."""
    match data:
        case {"choices": [{"message": dict() as message, **choice}, *_]}:
            return _chat_choice(message, choice, chat_usage(data.get("usage")), _text(data.get("model")))
        case {"error": error} if error:
            return _protocol(f"the answer is an error: {_error_text(error)}")
        case {"choices": [_, *_]}:
            return _protocol("the answer's choice has no message")
        case _:
            return _protocol("the answer has no choices")


def _chat_choice(
    message: Mapping[Any, Any], choice: Mapping[Any, Any], usage: Usage | None, model: str
) -> Answer:
    refusal = _text(message.get("refusal")) or _refusal_part(message.get("content")) or None
    text = refusal or _chat_text(message.get("content"))
    calls = tuple(_chat_calls(message))
    finish = _text(choice.get("finish_reason")) or "stop"
    if text is None and message.get("content") is not None:
        return _protocol("the answer's content is neither text nor a list of parts")
    if text or calls or finish == "content_filter" or (text == "" and finish != "length"):
        return Completion(
            text=text or "",
            tool_calls=calls,
            finish_reason=finish,
            refusal=refusal,
            usage=usage,
            model=model,
        )
    return _empty(finish, usage, "max_completion_tokens", "content is null")


def _chat_text(content: object) -> str | None:
    """Return the text; None where there is none, or something else."""
    if isinstance(content, list):
        return "".join(_part_texts(content))
    return well_formed(content) if isinstance(content, str) else None


def _part_texts(parts: Iterable[object]) -> Iterable[str]:
    for part in parts:
        match part:
            case str():
                yield well_formed(part)
            case {"type": "text" | "output_text", "text": str() as text}:
                yield well_formed(text)


def _refusal_part(content: object) -> str:
    parts = content if isinstance(content, list) else []
    return "".join(_text(part.get("refusal")) for part in parts if isinstance(part, dict))


def _chat_calls(message: Mapping[str, Any]) -> Iterable[ToolCall]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        match call:
            case {"function": {"name": name, **rest}}:
                yield _tool_call(name, rest.get("arguments"), call.get("id"))
            case {"custom": {"name": name, **rest}}:
                yield _tool_call(name, rest.get("input"), call.get("id"))
    match message.get("function_call"):
        case {"name": name, **rest}:  # the form that `tools` replaced
            yield _tool_call(name, rest.get("arguments"), None)


def _tool_call(name: object, arguments: object, call_id: object) -> ToolCall:
    # Some servers send arguments as JSON where the API says text.
    text = arguments if isinstance(arguments, str) else json.dumps({} if arguments is None else arguments)
    return ToolCall(name=_text(name), arguments=well_formed(text), id=_text(call_id))


def responses_answer(data: Any) -> Answer:
    """Read a Responses answer."""
    match data:
        case {"status": "failed" | "cancelled" as status, **rest}:
            return _failed(status, rest.get("error"))
        case {"output": list() as output}:
            return _response(output, data, responses_usage(data.get("usage")))
        case {"error": error} if error:
            return _protocol(f"the answer is an error: {_error_text(error)}")
        case _:
            return _protocol("the answer has no output")


def _response(output: list[Any], data: Mapping[str, Any], usage: Usage | None) -> Answer:
    items = [item for item in output if isinstance(item, dict)]
    parts = [part for item in items if item.get("type") == "message" for part in _parts(item)]
    refusal = _refusal_part(parts) or None
    text = refusal or "".join(_part_texts(parts))
    calls = tuple(_tool_call(i.get("name"), *_asked(i)) for i in items if i.get("type") in _CALLS)
    finish = _responses_finish(data, calls)
    if not (text or calls or finish == "content_filter" or (parts and finish != "length")):
        return _empty(finish, usage, "max_output_tokens", "no text in its output")
    return Completion(
        text=text,
        tool_calls=calls,
        finish_reason=finish,
        refusal=refusal,
        usage=usage,
        model=_text(data.get("model")),
    )


_CALLS = ("function_call", "custom_tool_call")


def _asked(item: Mapping[str, Any]) -> tuple[object, object]:
    return item.get("arguments", item.get("input")), item.get("call_id")


def _parts(item: Mapping[str, Any]) -> list[Any]:
    content = item.get("content")
    return content if isinstance(content, list) else [content]


def _responses_finish(data: Mapping[str, Any], calls: tuple[ToolCall, ...]) -> str:
    match data:
        case {"status": "incomplete", "incomplete_details": {"reason": str() as reason}}:
            return _RESPONSES_REASONS.get(reason, well_formed(reason))
        case {"status": "incomplete"}:
            return "length"
        case _:
            return "tool_calls" if calls else "stop"


def _failed(status: str, error: object) -> CallFailure:
    return CallFailure(kind="server", message=f"the answer is {status}: {_error_text(error)}")


def _empty(finish: str, usage: Usage | None, limit: str, nothing: str) -> CallFailure:
    if finish != "length":
        return CallFailure(kind="empty", message=f"the answer is empty ({nothing})", usage=usage)
    if usage is not None and usage.reasoning_tokens >= usage.output_tokens > 0:
        why = f"all {usage.output_tokens} output tokens went into reasoning"
    else:
        why = "it was cut at the token limit before its first word"
    return CallFailure(kind="empty", message=f"the answer is empty: {why}; raise {limit}", usage=usage)


def _protocol(message: str) -> CallFailure:
    return CallFailure(kind="protocol", message=message)


def _error_text(error: object) -> str:
    told = error.get("message") if isinstance(error, dict) else error
    return quoted(told if isinstance(told, str) else str(error))


def _text(value: object) -> str:
    return well_formed(value) if isinstance(value, str) else ""

"""HTTP and the JSON of an OpenAI-compatible server: requests, answers and errors of both of its APIs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

JsonDict = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: JsonDict
    """{} where it is not JSON."""
    data: bytes = b""

    @property
    def model(self) -> str:
        """The model asked for, or ''."""
        return str(self.body.get("model", ""))

    @property
    def text(self) -> str:
        """Everything that the request says to the model, as JSON: what `contains` looks into."""
        asked = (self.body.get(part) for part in ("messages", "instructions", "input"))
        return json.dumps([part for part in asked if part is not None], ensure_ascii=False)

    @property
    def last(self) -> str:
        """The text of the last message."""
        messages = self.body.get("messages", self.body.get("input", ""))
        if isinstance(messages, list):
            messages = messages[-1].get("content", "") if messages else ""
        return messages if isinstance(messages, str) else json.dumps(messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Bytes to send, and what goes wrong while they are sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Literal["reset", "truncate", "hang"] | None = None
    """`truncate` sends half the body and closes; `hang` sends `body` as it stands and waits for `release()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the model says, before it is put into the words of an API."""

    text: str | None = ""
    usage: tuple[int, ...] | None = (10, 2)
    """Input and output tokens, then how many of them were cached and reasoning ones; None sends no usage."""
    tool_calls: Sequence[tuple[str, Mapping[str, object] | str]] = ()
    """Name and arguments; arguments given as text are sent as they stand."""
    finish_reason: str = "stop"
    refusal: str | None = None
    model: str | None = None
    """None: the model that was asked for."""
    headers: Mapping[str, str] = field(default_factory=dict)


async def read_call(reader: asyncio.StreamReader) -> Call:
    """Read one request; raises IncompleteReadError where the client hung up."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    data = await reader.readexactly(int(headers.get("content-length", 0)))
    is_json = data and "json" in headers.get("content-type", "json")
    body: Any = json.loads(data) if is_json else {}
    return Call(method=method, path=path, headers=headers, body=body, data=data)


def to_bytes(raw: Raw) -> bytes:
    """Return the answer as HTTP/1.1 sends it."""
    headers = {"Content-Type": raw.content_type, "Content-Length": str(len(raw.body)), **raw.headers}
    lines = [f"HTTP/1.1 {raw.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + raw.body


def error_body(
    message: str, *, code: str | None = None, param: str | None = None, kind: str = "invalid_request_error"
) -> JsonDict:
    """Return the envelope in which OpenAI sends an error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def chat_body(said: Said, model: str) -> JsonDict:
    """Return a Chat Completions answer."""
    message: JsonDict = {"role": "assistant", "content": said.text, "refusal": said.refusal}
    if said.tool_calls:
        message["tool_calls"] = [
            {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": _text(arguments)}}
            for i, (name, arguments) in enumerate(said.tool_calls)
        ]
        message["content"] = said.text or None
    choice = {"index": 0, "message": message, "finish_reason": said.finish_reason, "logprobs": None}
    body: JsonDict = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000}
    body |= {"model": said.model or model, "choices": [choice]}
    return body | ({} if said.usage is None else {"usage": _chat_usage(said.usage)})


def responses_body(said: Said, model: str) -> JsonDict:
    """Return a Responses answer."""
    truncated = said.finish_reason == "length"
    body: JsonDict = {"id": "resp_1", "object": "response", "created_at": 1_790_000_000, "error": None}
    body |= {"model": said.model or model, "status": "incomplete" if truncated else "completed"}
    body |= {"incomplete_details": {"reason": "max_output_tokens"} if truncated else None}
    body |= {"output": [*_output_message(said), *_output_calls(said)]}
    return body | ({} if said.usage is None else {"usage": _responses_usage(said.usage)})


def _output_message(said: Said) -> list[JsonDict]:
    parts: list[JsonDict] = []
    if said.refusal is not None:
        parts = [{"type": "refusal", "refusal": said.refusal}]
    elif said.text:
        parts = [{"type": "output_text", "text": said.text, "annotations": []}]
    return [{"type": "message", "id": "msg_1", "role": "assistant", "content": parts}] if parts else []


def _output_calls(said: Said) -> list[JsonDict]:
    return [
        {"type": "function_call", "call_id": f"call_{i}", "name": name, "arguments": _text(arguments)}
        for i, (name, arguments) in enumerate(said.tool_calls)
    ]


def _text(arguments: Mapping[str, object] | str) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _counts(usage: tuple[int, ...]) -> tuple[int, int, int, int]:
    given, written, cached, reasoning = (*usage, 0, 0)[:4]
    return given, written, cached, reasoning


def _chat_usage(usage: tuple[int, ...]) -> JsonDict:
    given, written, cached, reasoning = _counts(usage)
    return {
        "prompt_tokens": given,
        "completion_tokens": written,
        "total_tokens": given + written,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def _responses_usage(usage: tuple[int, ...]) -> JsonDict:
    given, written, cached, reasoning = _counts(usage)
    return {
        "input_tokens": given,
        "output_tokens": written,
        "total_tokens": given + written,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens_details": {"reasoning_tokens": reasoning},
    }

"""Plan: from a case and a model to the request that is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.model import Request

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Case, Json, JsonObject, ModelSpec


def request_for(case: Case, spec: ModelSpec, *, repeat: int = 0) -> Request:
    """Return the call that asks a model this case; a model's own params win over the case's."""
    body: dict[str, Json] = {"model": spec.wire_name, "messages": case.messages}
    body.update(case.params)
    body.update(spec.params)
    if case.tools:
        body["tools"] = case.tools
    if case.response_format is not None:
        body["response_format"] = case.response_format
    return Request(
        model=spec.name, endpoint=spec.endpoint, body=body, api=spec.api, repeat=spec.repeat_offset + repeat
    )


def free_request(
    spec: ModelSpec, messages: tuple[JsonObject, ...], params: JsonObject, *, repeat: int = 0
) -> Request:
    """Return the call for messages that no case holds, such as those of a Python test."""
    body: dict[str, Json] = {"model": spec.wire_name, "messages": messages, **params, **spec.params}
    return Request(
        model=spec.name, endpoint=spec.endpoint, body=body, api=spec.api, repeat=spec.repeat_offset + repeat
    )

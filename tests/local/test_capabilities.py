"""What the embedded models can be asked for, on the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.local.conftest import BASE, DEGRADED, ask, turns

if TYPE_CHECKING:
    from pytest_llmupgrade.model import JsonObject

TRACK: JsonObject = {
    "type": "function",
    "function": {
        "name": "track_parcel",
        "description": "Track a parcel by its tracking number.",
        "parameters": {
            "type": "object",
            "properties": {"tracking_number": {"type": "string"}},
            "required": ["tracking_number"],
        },
    },
}
RESET: JsonObject = {
    "type": "function",
    "function": {
        "name": "reset_password",
        "description": "Reset the password of an account.",
        "parameters": {
            "type": "object",
            "properties": {"email": {"type": "string"}},
            "required": ["email"],
        },
    },
}
ORDER: JsonObject = {
    "type": "json_schema",
    "json_schema": {
        "name": "order",
        "schema": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}, "product": {"type": "string"}},
            "required": ["order_id", "product"],
            "additionalProperties": False,
        },
    },
}
EXTRACT = (
    "My red lamp from order 1001 is broken.",
    '{"order_id": "1001", "product": "red lamp"}',
    "Order 2002, the green chair, arrived late.",
    '{"order_id": "2002", "product": "green chair"}',
)


@pytest.mark.parametrize("model", [BASE, DEGRADED])
def test_capitals(local_urls: dict[str, str], model: str) -> None:
    """Both models know what no rounding takes from them."""
    reply = ask(local_urls[model], turns("Name the capital city of France."))
    assert "Paris" in reply.message["content"]


def test_tools_come_back_as_native_calls(local_urls: dict[str, str]) -> None:
    """A request with tools is answered with a call of the right one, its arguments taken from the request."""
    reply = ask(local_urls[BASE], turns("Track parcel ZX9981."), tools=[RESET, TRACK])
    [call] = reply.message["tool_calls"]
    assert call["function"]["name"] == "track_parcel"
    assert json.loads(call["function"]["arguments"]) == {"tracking_number": "ZX9981"}
    assert reply.body["choices"][0]["finish_reason"] == "tool_calls"


def test_a_conversation_goes_on_after_a_tool_answered(local_urls: dict[str, str]) -> None:
    """Messages of an assistant that called and of a tool that answered are taken."""
    call: JsonObject = {
        "id": "1",
        "type": "function",
        "function": {"name": "track_parcel", "arguments": "{}"},
    }
    messages: list[JsonObject] = [
        *turns("Track parcel ZX9981."),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "delivered"},
    ]
    assert ask(local_urls[BASE], messages).status == 200


@pytest.mark.parametrize("model", [BASE, DEGRADED])
def test_a_schema_holds(local_urls: dict[str, str], model: str) -> None:
    """With a JSON Schema the answer is JSON with exactly its keys, well within the token limit."""
    messages = turns(*EXTRACT, "Order 6093, the white desk, has not come.", system="Extract as JSON.")
    reply = ask(local_urls[model], messages, response_format=ORDER, max_tokens=80)
    assert set(json.loads(reply.message["content"])) == {"order_id", "product"}
    assert reply.body["choices"][0]["finish_reason"] == "stop"


def test_the_degraded_model_loses_what_the_other_knows(local_urls: dict[str, str]) -> None:
    """Its weights are the same but for the rounding, and that shows in an answer."""
    messages = turns("What is 2 + 3?")
    assert "5" in ask(local_urls[BASE], messages).message["content"]
    assert "5" not in ask(local_urls[DEGRADED], messages).message["content"]


def test_usage_is_counted(local_urls: dict[str, str]) -> None:
    """Tokens come with every answer, and none of them is called cached."""
    usage = ask(local_urls[BASE], turns("Name the capital city of Japan.")).body["usage"]
    assert usage["prompt_tokens"] > 5
    assert usage["completion_tokens"] > 1
    assert not (usage.get("prompt_tokens_details") or {}).get("cached_tokens")


def test_a_prompt_over_the_context_is_refused(local_urls: dict[str, str]) -> None:
    """Too long a prompt is an error of the request, not an answer to a part of it."""
    assert ask(local_urls[BASE], turns("word " * 6000)).status == 400


def test_the_model_that_answers_is_named(local_urls: dict[str, str]) -> None:
    """The response's model is the one that was served, whatever the request called it."""
    assert ask(local_urls[DEGRADED], turns("Hi"), max_tokens=1).body["model"] == DEGRADED

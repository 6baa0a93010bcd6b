from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from pytest_llmupgrade.model import Api, CallFailure, Completion, ToolCall, Usage
from pytest_llmupgrade.providers.reading import answer_from, chat_answer, from_sdk_object, responses_answer
from tests.wire import Said, chat_body, responses_body

APIS: tuple[Api, ...] = ("chat", "responses")
BODIES = {"chat": chat_body, "responses": responses_body}


def read(api: Api, said: Said) -> Completion:
    """Return the completion in what a server says; fail where it is a failure."""
    answer = answer_from(BODIES[api](said, "m"), api=api)
    assert isinstance(answer, Completion), answer
    return answer


def failed(data: object, api: Api = "chat") -> CallFailure:
    """Return the failure in the JSON; fail where it is a completion."""
    answer = answer_from(data, api=api)
    assert isinstance(answer, CallFailure), answer
    return answer


def choice(message: Any, **more: object) -> dict[str, Any]:
    """Return a Chat Completions answer of one choice."""
    return {"choices": [{"message": message, **more}]}


@pytest.mark.parametrize("api", APIS)
def test_text_usage_and_model(api: Api) -> None:
    """Both APIs' words for an answer become the same completion."""
    assert read(api, Said(text="30 days", usage=(10, 5, 4, 3), model="m-2026")) == Completion(
        text="30 days",
        usage=Usage(input_tokens=10, output_tokens=5, cached_input_tokens=4, reasoning_tokens=3),
        model="m-2026",
    )


@pytest.mark.parametrize("api", APIS)
def test_tool_calls(api: Api) -> None:
    """Calls keep their order and their arguments as the model wrote them, valid or not."""
    completion = read(
        api, Said(tool_calls=[("look", {"id": 1}), ("send", "{oops")], finish_reason="tool_calls")
    )
    assert completion.tool_calls == (
        ToolCall(name="look", arguments='{"id": 1}', id="call_0"),
        ToolCall(name="send", arguments="{oops", id="call_1"),
    )
    assert (completion.text, completion.finish_reason) == ("", "tool_calls")


@pytest.mark.parametrize("api", APIS)
def test_refusal(api: Api) -> None:
    """A refusal is an answer whose text repeats it."""
    completion = read(api, Said(text=None, refusal="I cannot"))
    assert (completion.text, completion.refusal) == ("I cannot", "I cannot")


@pytest.mark.parametrize(
    ("api", "limit"), [("chat", "max_completion_tokens"), ("responses", "max_output_tokens")]
)
def test_reasoning_ate_the_answer(api: Api, limit: str) -> None:
    """An empty answer cut at the limit says how many tokens reasoning took, what to raise, and what was paid."""
    said = Said(text="", usage=(10, 50, 0, 50), finish_reason="length")
    failure = failed(BODIES[api](said, "m"), api)
    assert failure.kind == "empty"
    assert failure.message == f"the answer is empty: all 50 output tokens went into reasoning; raise {limit}"
    assert failure.usage == Usage(input_tokens=10, output_tokens=50, reasoning_tokens=50)


@pytest.mark.parametrize("api", APIS)
def test_cut_before_the_first_word(api: Api) -> None:
    """Without a count of reasoning tokens the answer is still said to be cut."""
    failure = failed(BODIES[api](Said(text="", usage=None, finish_reason="length"), "m"), api)
    assert failure.message.startswith(
        "the answer is empty: it was cut at the token limit before its first word"
    )


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (None, "protocol", "the answer has no choices"),
        ([], "protocol", "the answer has no choices"),
        ({"choices": []}, "protocol", "the answer has no choices"),
        ({"choices": [{"text": "a"}]}, "protocol", "the answer's choice has no message"),
        ({"error": {"message": "down"}}, "protocol", "the answer is an error: down"),
        (choice({"content": 7}), "protocol", "the answer's content is neither text nor a list of parts"),
        (choice({"content": None}), "empty", "the answer is empty (content is null)"),
        (choice({}), "empty", "the answer is empty (content is null)"),
    ],
)
def test_what_is_no_chat_answer(data: object, kind: str, message: str) -> None:
    """What lacks an answer is a failure that says what is missing."""
    failure = failed(data)
    assert (failure.kind, failure.message) == (kind, message)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ({}, "protocol", "the answer has no output"),
        ({"output": []}, "empty", "the answer is empty (no text in its output)"),
        ({"status": "failed", "error": {"message": "down"}}, "server", "the answer is failed: down"),
    ],
)
def test_what_is_no_response(data: object, kind: str, message: str) -> None:
    """The same holds for Responses."""
    failure = failed(data, "responses")
    assert (failure.kind, failure.message) == (kind, message)


def test_an_error_body_is_made_harmless() -> None:
    """A key or an escape sequence in an error that came with status 200 does not reach the message."""
    message = failed({"error": {"message": "bad key sk-abcdef123456 \x1b[31m"}}).message
    assert message == r"the answer is an error: bad key [key] \x1b[31m"


@pytest.mark.parametrize("api", APIS)
def test_withheld_by_the_content_filter(api: Api) -> None:
    """A filtered answer is an answer without text, whose finish reason says so."""
    chat = choice({"content": None}, finish_reason="content_filter")
    response = {"output": [], "status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    answer = answer_from(chat if api == "chat" else response, api=api)
    assert answer == Completion(text="", finish_reason="content_filter")


def test_an_empty_text_is_an_answer() -> None:
    """A model that stops of its own accord without a word has answered; judges decide."""
    assert chat_answer(choice({"content": ""}, finish_reason="stop")) == Completion(text="")


def test_content_in_parts_is_joined() -> None:
    """Parts of text are joined; parts of another kind are passed over."""
    parts = [{"type": "text", "text": "30 "}, {"type": "thinking", "thinking": "hm"}, "days", None]
    assert chat_answer(choice({"content": parts})) == Completion(text="30 days")


def test_arguments_as_json_become_text() -> None:
    """A server that sends arguments as an object is understood."""
    answer = chat_answer(choice({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}))
    assert isinstance(answer, Completion)
    assert answer.tool_calls == (ToolCall(name="f", arguments='{"a": 1}'),)


def test_the_form_before_tools() -> None:
    """`function_call`, which `tools` replaced, is a tool call."""
    answer = chat_answer(choice({"content": None, "function_call": {"name": "f", "arguments": "{}"}}))
    assert isinstance(answer, Completion)
    assert answer.tool_calls == (ToolCall(name="f", arguments="{}"),)


@pytest.mark.parametrize(
    "usage",
    [
        "many",
        {},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": 1.5, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
        {"prompt_tokens": 1, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}},
    ],
)
def test_nonsense_usage_is_unknown(usage: object) -> None:
    """Counts that cannot be true are unknown, so that the call is unpriced and not priced wrong."""
    answer = chat_answer({**choice({"content": "a"}), "usage": usage})
    assert isinstance(answer, Completion)
    assert answer.usage is None


def test_reasoning_counted_beside_the_output() -> None:
    """Where the total shows that reasoning tokens come on top of the output, they are added to it."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35}
    data = {
        **choice({"content": "a"}),
        "usage": {**usage, "completion_tokens_details": {"reasoning_tokens": 20}},
    }
    answer = chat_answer(data)
    assert isinstance(answer, Completion)
    assert answer.usage == Usage(input_tokens=10, output_tokens=25, reasoning_tokens=20)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
KEYS = [
    "choices",
    "message",
    "content",
    "role",
    "refusal",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "type",
    "text",
    "output",
    "status",
    "error",
    "incomplete_details",
    "reason",
    "model",
    "id",
    "completion_tokens_details",
    "reasoning_tokens",
]
WORDS = (
    "text",
    "message",
    "output_text",
    "refusal",
    "function_call",
    "incomplete",
    "failed",
    "length",
    "\ud800",
)
NEARLY = st.recursive(
    st.none() | st.integers() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@given(data=JSON | NEARLY | NEARLY.map(choice) | st.fixed_dictionaries({"output": st.lists(NEARLY)}))
def test_no_json_makes_reading_raise(data: object) -> None:
    """Whatever JSON a server sends, reading it gives a value that can be written as UTF-8."""
    for api in APIS:
        answer = answer_from(data, api=api)
        repr(answer).encode()
        if isinstance(answer, Completion):
            words = [answer.text, answer.finish_reason, answer.model, answer.refusal or ""]
            words += [part for call in answer.tool_calls for part in (call.name, call.arguments, call.id)]
            "".join(words).encode()
        else:
            assert answer.message


def test_lone_surrogates_are_replaced() -> None:
    """Half a character is replaced, a whole one stays."""
    answer = chat_answer(json.loads(r'{"choices": [{"message": {"content": "a\ud83d b\ud83d\ude00"}}]}'))
    assert answer == Completion(text="a\N{REPLACEMENT CHARACTER} b\N{GRINNING FACE}")


def test_sdk_objects() -> None:
    """What the client returns reads like the JSON that it came from."""
    said = Said(text="hi", usage=(3, 2), tool_calls=[("f", {"a": 1})])
    chat, response = chat_body(said, "m"), responses_body(said, "m")
    assert from_sdk_object(ChatCompletion.model_construct(**chat)) == chat_answer(chat)
    assert from_sdk_object(ChatCompletion.model_validate(chat)) == chat_answer(chat)
    assert from_sdk_object(Response.model_construct(**response)) == responses_answer(response)


@pytest.mark.parametrize("thing", ["a text", None, 7, {"x": 1}])
def test_other_objects_are_no_answer(thing: object) -> None:
    """Anything else is a failure, not an exception."""
    assert isinstance(from_sdk_object(thing), CallFailure)

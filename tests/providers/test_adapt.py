from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.model import CallFailure, Completion
from pytest_llmupgrade.providers.adapt import Adaptation, adaptation_from_json
from pytest_llmupgrade.providers.adapt_rules import DROPPABLE, RULES, adaptation_for

if TYPE_CHECKING:
    from pytest_llmupgrade.model import JsonObject

SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "Hi"}
TOOLS = [{"type": "function", "function": {"name": "f"}}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


def adapted(message: str, body: JsonObject, param: str | None = None) -> Adaptation | None:
    """Return what the refusal of a body leads to."""
    failure = CallFailure(kind="bad_request", message="refused", status=400, refused=(param, message))
    return adaptation_for(failure, body)


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead."
        ),
        {"max_tokens": 9},
        {"max_completion_tokens": 9},
        "max_tokens renamed to max_completion_tokens",
    ),
    (
        (
            "Unsupported value: 'temperature' does not support 0 with this model. "
            "Only the default (1) value is supported."
        ),
        {"temperature": 0, "seed": 1},
        {"seed": 1},
        "temperature dropped (only the default is accepted)",
    ),
    (
        "Unsupported parameter: 'temperature' is not supported with this model.",
        {"temperature": 0},
        {},
        "temperature dropped (the model does not take it)",
    ),
    (
        "Unsupported parameter: 'stop' is not supported with this model.",
        {"stop": ["END"]},
        {},
        "stop dropped (the model does not take it); answers are cut at it here",
    ),
    (
        "You are not allowed to request logprobs from this model",
        {"logprobs": True},
        {},
        "logprobs dropped (the model gives none)",
    ),
    (
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        {"messages": [SYSTEM, USER]},
        {"messages": [{"role": "user", "content": "Be brief.\n\nHi"}]},
        "the system message folded into the first user message (the role is not accepted)",
    ),
    (
        (
            "Unsupported value: 'messages[0].role' does not support 'system' with this model. "
            "Supported values are: 'developer' and 'user'."
        ),
        {"messages": [SYSTEM, USER]},
        {"messages": [{"role": "developer", "content": "Be brief."}, USER]},
        "role system became developer",
    ),
    (
        "Unrecognized request argument supplied: reasoning_effort",
        {"reasoning_effort": "low"},
        {},
        "reasoning_effort dropped (the model does not know it)",
    ),
    (
        "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
        {"reasoning": {"effort": "low"}},
        {},
        "reasoning.effort dropped (the model does not take it)",
    ),
    (
        (
            "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. "
            "Supported values are: 'none', 'low', 'medium', and 'high'."
        ),
        {"reasoning_effort": "minimal"},
        {"reasoning_effort": "low"},
        "reasoning_effort minimal replaced by low (the nearest that is accepted)",
    ),
    (
        (
            "Unsupported value: 'verbosity' does not support 'low' with this model. "
            "Supported values are: 'medium'."
        ),
        {"verbosity": "low"},
        {},
        "verbosity dropped (only medium is accepted)",
    ),
    (
        (
            "Function tools with reasoning_effort are not supported for gpt-6-sol in /v1/chat/completions. "
            "To use function tools, use /v1/responses or set reasoning_effort to 'none'."
        ),
        {"tools": TOOLS, "reasoning_effort": "high"},
        {"tools": TOOLS, "reasoning_effort": "none"},
        "reasoning_effort set to none (with it the model takes no tools in Chat Completions)",
    ),
    (
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model. Learn ...",
        {"messages": [USER], "response_format": SCHEMA},
        {
            "messages": [
                {
                    "role": "system",
                    "content": 'Answer with JSON only, following this JSON Schema:\n{"type": "object"}',
                },
                USER,
            ],
            "response_format": {"type": "json_object"},
        },
        "response_format json_schema replaced by json_object, the schema stands in the prompt",
    ),
]


@pytest.mark.parametrize(("message", "body", "after", "words"), CASES, ids=[case[3] for case in CASES])
def test_refusals_seen_in_public(
    message: str, body: dict[str, Any], after: dict[str, Any], words: str
) -> None:
    """Every refusal that was collected leads to the request that the model takes, and to words for the report."""
    before = json.dumps(body)
    adaptation = adapted(message, body)
    assert adaptation is not None
    assert adaptation.apply(body) == after
    assert adaptation.words == words
    assert adaptation.apply(after) == after
    assert json.dumps(body) == before


@pytest.mark.parametrize(
    "param", ["top_p", "presence_penalty", "frequency_penalty", "parallel_tool_calls", "temperature"]
)
def test_parameters_without_which_the_question_is_the_same(param: str) -> None:
    """They are dropped wherever they are refused."""
    adaptation = adapted(f"Unsupported parameter: '{param}' is not supported with this model.", {param: 1})
    assert adaptation is not None
    assert adaptation.apply({param: 1, "model": "m"}) == {"model": "m"}


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported parameter: 'tools' is not supported with this model.",
        "Unsupported parameter: 'messages' is not supported with this model.",
        "functions is not supported in this model. For a list of supported models, refer to https://example.com",
        "Invalid schema for response_format 'X': In context=(), 'additionalProperties' is required.",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 8227 tokens.",
        "The model `chatgpt-4o-latest` does not exist or you do not have access to it.",
        "",
    ],
)
def test_what_would_change_the_question_is_not_adapted(message: str) -> None:
    """A refusal of what the question is made of stands."""
    body: dict[str, Any] = {"messages": [USER], "tools": TOOLS, "functions": [], "response_format": SCHEMA}
    assert adapted(message, body) is None


def test_a_change_that_changes_nothing_is_none() -> None:
    """A parameter that the request does not have cannot be dropped, so nothing is sent again in vain."""
    assert adapted("Unsupported parameter: 'stop' is not supported with this model.", {"seed": 1}) is None
    assert adaptation_for(CallFailure(kind="bad_request", message="no"), {"stop": 1}) is None


def test_other_efforts_stay() -> None:
    """The replacement of one value leaves requests with another alone."""
    adaptation = Adaptation(param="reasoning_effort", action="replace", was="minimal", value="low", words="")
    assert adaptation.apply({"reasoning_effort": "high"}) == {"reasoning_effort": "high"}
    assert adaptation.apply({"messages": []}) == {"messages": []}


@pytest.mark.parametrize(
    ("effort", "accepted", "near"),
    [
        ("xhigh", "'low' and 'medium'", "medium"),
        ("none", "'minimal', 'low'", "minimal"),
        ("low", "'high'", "high"),
    ],
)
def test_nearest_effort(effort: str, accepted: str, near: str) -> None:
    """The accepted value nearest to the one asked for is taken, in both APIs."""
    message = (
        f"Unsupported value: 'reasoning.effort' does not support '{effort}' with this model. "
        f"Supported values are: {accepted}."
    )
    body = {"reasoning": {"effort": effort, "summary": "auto"}}
    adaptation = adapted(message, body)
    assert adaptation is not None
    assert adaptation.apply(body) == {"reasoning": {"effort": near, "summary": "auto"}}


def test_an_effort_without_a_list_is_dropped() -> None:
    """Where the provider does not say what it accepts, the parameter goes."""
    message = "Unsupported value: 'reasoning_effort' does not support 'odd' with this model."
    adaptation = adapted(message, {"reasoning_effort": "odd"})
    assert adaptation is not None
    assert adaptation.apply({"reasoning_effort": "odd"}) == {}


def test_folding_keeps_parts_and_order() -> None:
    """Instructions come before the user's words, also where these are parts, and where there is no user."""
    fold = Adaptation(param="messages[0].role", action="fold", was="system", words="")
    parts: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
    assert fold.apply({"messages": [SYSTEM, parts]}) == {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Be brief."}, *parts["content"]]}]
    }
    assert fold.apply({"messages": [SYSTEM]}) == {"messages": [{"role": "user", "content": "Be brief."}]}
    assert fold.apply({"input": "Hi"}) == {"input": "Hi"}


def test_answers_are_cut_at_a_dropped_stop() -> None:
    """The first stop sequence ends the text, as the server would have done; without one the text stays."""
    cut = Adaptation(param="stop", action="cut", words="")
    body = {"stop": ["END", "\n"]}
    assert cut.amend(Completion(text="a\nb END c", finish_reason="length"), body) == Completion(text="a")
    assert cut.amend(Completion(text="whole"), body) == Completion(text="whole")
    assert cut.amend(Completion(text="a|b"), {"stop": "|"}) == Completion(text="a")


@given(
    param=st.sampled_from(sorted(DROPPABLE)),
    action=st.sampled_from(["drop", "cut", "rename", "replace", "with_tools", "role", "fold", "json_object"]),
    words=st.text(),
    was=st.none() | st.text(),
    value=st.none() | st.text() | st.integers(),
)
def test_codec(**fields: Any) -> None:
    """An adaptation survives JSON."""
    adaptation = Adaptation(**fields)
    assert adaptation_from_json(json.loads(json.dumps(adaptation.to_json()))) == adaptation


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"param": "a", "action": "explode", "words": ""},
        {**Adaptation(param="a", action="drop", words="").to_json(), "x": 1},
    ],
)
def test_what_is_no_adaptation(data: object) -> None:
    """JSON of another shape is none, not an exception."""
    assert adaptation_from_json(data) is None


@given(message=st.text() | st.sampled_from([case[0] for case in CASES]), extra=st.text())
def test_no_message_makes_it_raise(message: str, extra: str) -> None:
    """A provider's words are hostile: whatever they are, what comes back changes the request, or nothing does."""
    body: dict[str, Any] = {"messages": [SYSTEM, USER], "temperature": 0, "reasoning": "odd"}
    adaptation = adapted(extra + message + extra, body)
    assert adaptation is None or adaptation.apply(body) != body


def test_every_rule_says_where_it_was_seen() -> None:
    """A rule without a source would be a guess."""
    assert all(rule.sources for rule in RULES)

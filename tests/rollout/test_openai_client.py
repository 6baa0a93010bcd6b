"""The drop-in on the real `openai` client, over HTTP on the loopback."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from pytest_llmupgrade import ModelRouter
from tests.rollout.making import changed
from tests.wire import Raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.server import LlmServer

ASK = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "hello"}]}
ALL = ("percent: 5\n", "percent: 100\n")


@pytest.fixture
def router(tmp_path: Path) -> Iterator[ModelRouter]:
    """Return a router that gives everybody the new arm."""
    (tmp_path / "rollout.yaml").write_text(changed(ALL), encoding="utf-8")
    router = ModelRouter.from_file(tmp_path / "rollout.yaml")
    yield router
    router.close()


@pytest.fixture
def client(llm_server: LlmServer) -> Iterator[openai.OpenAI]:
    """Return the plain client, without retries of its own."""
    with openai.OpenAI(base_url=llm_server.base_url, api_key="sk-test", max_retries=0) as client:
        yield client


def _events(router: ModelRouter, tmp_path: Path) -> list[dict[str, Any]]:
    router.flush()
    found = sorted((tmp_path / "pilot").glob("events-*"))
    return [json.loads(line) for path in found for line in path.read_bytes().splitlines()]


def _sse(*pieces: dict[str, Any]) -> Raw:
    lines = [f"data: {json.dumps(piece)}\n\n" for piece in pieces]
    return Raw(body="".join([*lines, "data: [DONE]\n\n"]).encode(), content_type="text/event-stream")


def _chunk(text: str, **fields: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
        **fields,
    }


USED = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
STREAM = _sse(_chunk("hel"), _chunk("lo"), _chunk("", choices=[], usage=USED))


def test_chat_is_routed(
    router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer, tmp_path: Path
) -> None:
    """The unchanged product gets the new model's answer, an object of the client's own class, and it is recorded."""
    answer = router.wrap_openai(client).chat.completions.create(**ASK, user="u")
    assert isinstance(answer, openai.types.chat.ChatCompletion)
    assert llm_server.calls[0].model == "gpt-4o"
    (event,) = _events(router, tmp_path)
    assert (event["arm"], event["tokens"], event["served"]) == ("new", [10, 0, 2], "new")
    assert float(event["cost_usd"]) == pytest.approx((10 * 2.5 + 2 * 10) / 1e6)
    assert "hello" not in json.dumps(event)


def test_the_unit_is_what_the_call_names(router: ModelRouter, client: openai.OpenAI) -> None:
    """`router.unit` goes first, then `safety_identifier` or `user` of the call."""
    routed = router.wrap_openai(client)
    routed.chat.completions.create(**ASK, user="u")
    assert router.last is not None
    by_user = router.last.unit
    with router.unit("u"):
        routed.chat.completions.create(**ASK, user="somebody else")
    assert router.last.unit == by_user


def test_a_failing_new_model_is_replaced(
    router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer, tmp_path: Path
) -> None:
    """A 429 of the new model is answered by the old one, with the product's own arguments."""
    llm_server.fail(429, "slow down", model="gpt-4o")
    router.wrap_openai(client).chat.completions.create(**ASK, temperature=0)
    assert [call.model for call in llm_server.calls] == ["gpt-4o", "gpt-3.5-turbo"]
    assert llm_server.calls[1].body["temperature"] == 0
    (event,) = _events(router, tmp_path)
    assert (event["served"], event["error"]) == ("old", "rate_limit")


def test_the_clients_errors_come_through(
    router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer
) -> None:
    """A failure without fallback is the client's own exception."""
    llm_server.fail(400, "no such parameter")
    with pytest.raises(openai.BadRequestError):
        router.wrap_openai(client).chat.completions.create(**ASK)


def test_other_models_are_left_alone(
    router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer, tmp_path: Path
) -> None:
    """A call that names neither arm's model is another feature's: not routed, not recorded."""
    router.wrap_openai(client).chat.completions.create(**{**ASK, "model": "gpt-4.1-mini"})
    assert llm_server.calls[0].model == "gpt-4.1-mini"
    assert _events(router, tmp_path) == []


def test_streaming(router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer, tmp_path: Path) -> None:
    """A stream is the client's stream: its pieces, its attributes, closed with it; time to the first is recorded."""
    llm_server.when(lambda _: STREAM)
    stream = router.wrap_openai(client).chat.completions.create(**ASK, stream=True)
    assert stream.response.status_code == 200
    with stream as pieces:
        text = "".join(piece.choices[0].delta.content for piece in pieces if piece.choices)
    assert text == "hello"
    (event,) = _events(router, tmp_path)
    assert (event["tokens"], event["served"]) == ([7, 0, 2], "new")
    assert event["first_token_ms"] <= event["ms"]


def test_a_stream_that_breaks_is_the_callers(
    router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer, tmp_path: Path
) -> None:
    """An error in the middle of a stream is raised there, and counted against the arm."""
    llm_server.when(lambda _: _sse(_chunk("hel"), {"error": {"message": "overloaded", "code": 503}}))
    stream = router.wrap_openai(client).chat.completions.create(**ASK, stream=True)
    with pytest.raises(openai.APIError):
        list(stream)
    assert len(llm_server.calls) == 1
    assert _events(router, tmp_path)[0]["served"] is None


def test_async_chat_and_streams(router: ModelRouter, llm_server: LlmServer, tmp_path: Path) -> None:
    """The async client is routed alike, streams included."""

    async def scene() -> str:
        async with openai.AsyncOpenAI(base_url=llm_server.base_url, api_key="k", max_retries=0) as client:
            routed = router.wrap_openai(client)
            answer = await routed.chat.completions.create(**ASK)
            assert isinstance(answer, openai.types.chat.ChatCompletion)
            llm_server.when(lambda _: STREAM)
            stream = await routed.chat.completions.create(**ASK, stream=True)
            async with stream:
                return "".join([p.choices[0].delta.content async for p in stream if p.choices])

    assert asyncio.run(scene()) == "hello"
    assert [call.model for call in llm_server.calls] == ["gpt-4o", "gpt-4o"]
    assert [event["tokens"] for event in _events(router, tmp_path)] == [[10, 0, 2], [7, 0, 2]]


def test_responses(router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer, tmp_path: Path) -> None:
    """`responses.create` is routed, too."""
    answer = router.wrap_openai(client).responses.create(model="gpt-3.5-turbo", input="hello")
    assert isinstance(answer, openai.types.responses.Response)
    assert llm_server.calls[0].model == "gpt-4o"
    assert _events(router, tmp_path)[0]["tokens"] == [10, 0, 2]


def test_a_response_that_failed_is_the_arms_error(
    router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer, tmp_path: Path
) -> None:
    """The Responses API tells of some failures in the answer, without an exception; they count all the same."""
    body = {"id": "r", "object": "response", "created_at": 1, "status": "failed", "model": "m", "output": []}
    llm_server.send(body)
    answer = router.wrap_openai(client).responses.create(model="gpt-3.5-turbo", input="hello")
    assert answer.status == "failed"
    assert _events(router, tmp_path)[0]["hits"] == ["error"]


def test_everything_else_is_the_clients(
    router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer
) -> None:
    """What is not routed works as before; a client with other options is routed again."""
    routed = router.wrap_openai(client)
    llm_server.models = [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "x"}]
    assert [model.id for model in routed.models.list()] == ["gpt-4o"]
    assert routed.api_key == "sk-test"
    routed.with_options(timeout=9).chat.completions.create(**ASK)
    assert llm_server.calls[-1].model == "gpt-4o"


def test_arguments_can_be_adapted(router: ModelRouter, client: openai.OpenAI, llm_server: LlmServer) -> None:
    """Where more than the model differs, the product says how, arm by arm."""

    def adapt(arm: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "max_tokens": 7 if arm == "new" else 9}

    router.wrap_openai(client, adapt=adapt).chat.completions.create(**ASK)
    assert llm_server.calls[0].body["max_tokens"] == 7


@pytest.mark.parametrize("tools", [[], [{"type": "web_search"}]])
def test_a_shadow_leaves_nothing_behind(
    tmp_path: Path, client: openai.OpenAI, llm_server: LlmServer, tools: list[dict[str, str]]
) -> None:
    """A shadow of `responses.create` is not stored, and where the provider would run a tool there is none."""
    shadow = (("mode: live", "mode: shadow"), ("percent: 5\n", "percent: 0\n"))
    (tmp_path / "rollout.yaml").write_text(changed(*shadow), encoding="utf-8")
    router = ModelRouter.from_file(tmp_path / "rollout.yaml")
    router.wrap_openai(client).responses.create(model="gpt-3.5-turbo", input="hello", tools=tools)
    router.core.shadow.join()
    models = [(call.model, call.body.get("store")) for call in llm_server.calls]
    assert models == [("gpt-3.5-turbo", None), *([] if tools else [("gpt-4o", False)])]
    router.close()

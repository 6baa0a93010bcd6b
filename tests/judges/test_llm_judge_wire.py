"""Promises of `llm_judge` where it really calls a server, through the `openai` client and both of its APIs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import CallError, JudgeError
from pytest_llmupgrade.judges.llm import JudgeSettings, LlmJudge
from pytest_llmupgrade.model import JudgeCall, ModelSpec, Usage
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider
from pytest_llmupgrade.providers.sequential import SequentialCompleter
from tests.judges.making import answer, case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.model import Api
    from tests.server import LlmServer

PASSES = json.dumps({"reason": "Both say 30 days.", "verdict": "pass"})


@pytest.fixture(params=["chat", "responses"])
def judge(
    request: pytest.FixtureRequest, llm_server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LlmJudge]:
    """Return a judge whose model stands on the test's server."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    api: Api = request.param
    spec = ModelSpec(name="judge", wire_name="gpt-5", base_url=llm_server.base_url, api=api)
    completer = SequentialCompleter(OpenAIProvider(), {"judge": spec})
    yield LlmJudge(JudgeSettings(model=spec), completer.complete)
    completer.close()


def test_a_vote_over_http(judge: LlmJudge, llm_server: LlmServer) -> None:
    """A vote is asked for with the strict schema, is read, and its tokens are known."""
    llm_server.reply(model="gpt-5", text=PASSES, usage=(90, 12))
    verdict = judge(answer("30 days"), case("30 days"))
    assert (verdict.passed, verdict.reason) == (True, "Both say 30 days.")
    assert verdict.calls == (JudgeCall(model="judge", usage=Usage(input_tokens=90, output_tokens=12)),)
    (call,) = llm_server.calls
    sent = json.dumps(call.body)
    assert '"enum": ["pass", "fail"]' in sent
    assert '"strict": true' in sent
    assert "temperature" not in call.body


def test_a_judge_that_refuses_is_an_error(judge: LlmJudge, llm_server: LlmServer) -> None:
    """A refusal by the judging model is no miss of the judged one."""
    llm_server.reply(model="gpt-5", refusal="I can't help with that.")
    with pytest.raises(JudgeError, match="the judge refused to judge"):
        judge(answer("30 days"), case("30 days"))


def test_a_call_without_answer_is_a_failed_call(judge: LlmJudge, llm_server: LlmServer) -> None:
    """What the server refuses is the call's failure, with its kind."""
    llm_server.fail(401, "Incorrect API key provided")
    with pytest.raises(CallError) as caught:
        judge(answer("30 days"), case("30 days"))
    assert caught.value.failure.kind == "auth"
    assert "sk-test" not in str(caught.value)

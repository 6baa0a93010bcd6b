"""One engine for several processes, over the loopback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.codec import answer_from_plain, answer_to_plain
from pytest_llmupgrade.engine.broker import Broker
from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.remote import HOST, RemoteEngine
from pytest_llmupgrade.model import CallFailure, Completion, ModelSpec, Request, ToolCall, Usage
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.model import Answer
    from tests.server import LlmServer


@pytest.fixture
def broker(llm_server: LlmServer) -> Iterator[Broker]:
    """Return a broker before an engine that calls the test's server."""
    spec = ModelSpec(name="m", wire_name="m", base_url=llm_server.base_url)
    engine = Engine(OpenAIProvider(), {"m": spec})
    broker = Broker(lambda: engine, lambda _plain: lambda _completion: ())
    yield broker
    broker.close()
    engine.close()


def asked(text: str) -> Request:
    """Return a request with one message."""
    return Request(
        model="m", endpoint="", body={"model": "m", "messages": [{"role": "user", "content": text}]}
    )


def test_workers_share_calls(broker: Broker, llm_server: LlmServer) -> None:
    """What one worker asked, another gets without a second call while it is planned or under way."""
    first, second = (RemoteEngine.reach(broker.port, broker.token) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.claim_plan()
    assert not second.claim_plan()
    first.plan([{"request": {"model": "m", "endpoint": "", "body": asked("hi").body}, "owner": "item"}])
    answer = second.complete(asked("hi"))
    assert isinstance(answer, Completion)
    assert answer.text == "hi"
    assert len(llm_server.calls) == 1
    for remote in (first, second):
        remote.close()


def test_a_failure_crosses_as_a_value(broker: Broker, llm_server: LlmServer) -> None:
    """A refused call arrives as the failure that it is."""
    llm_server.fail(401, "bad key")
    remote = RemoteEngine.reach(broker.port, broker.token)
    assert remote is not None
    answer = remote.complete(asked("hi"))
    assert isinstance(answer, CallFailure)
    assert answer.kind == "auth"
    remote.close()


def test_a_stranger_is_not_answered(broker: Broker, llm_server: LlmServer) -> None:
    """Without the token the connection is closed, and nothing is called."""
    assert RemoteEngine.reach(broker.port, "0" * 32) is None
    with socket.create_connection((HOST, broker.port)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(100) == b""
    assert not llm_server.calls


def test_a_lost_controller_is_a_failure(broker: Broker) -> None:
    """Where the controller is gone, a question fails as 'cancelled' and does not hang."""
    remote = RemoteEngine.reach(broker.port, broker.token)
    assert remote is not None
    remote.close()
    answer = remote.complete(asked("hi"))
    assert isinstance(answer, CallFailure)
    assert answer.kind == "cancelled"


@pytest.mark.parametrize(
    "answer",
    [
        Completion(
            text="hi",
            tool_calls=(ToolCall(name="f", arguments="{}"),),
            usage=Usage(input_tokens=1, output_tokens=2),
        ),
        CallFailure(kind="bad_request", message="no", status=400, refused=("temperature", "words")),
        CallFailure(
            kind="empty", message="cut", usage=Usage(input_tokens=1, output_tokens=2, reasoning_tokens=2)
        ),
    ],
)
def test_answers_round_trip(answer: Answer) -> None:
    """An answer crosses as plain JSON and comes back as it was."""
    assert answer_from_plain(answer_to_plain(answer)) == answer

"""One engine for several processes, over the loopback."""

from __future__ import annotations

import select
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.codec import answer_from_plain, answer_to_plain
from pytest_llmupgrade.engine.broker import Broker
from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.remote import HOST, RemoteEngine
from pytest_llmupgrade.model import CallFailure, Completion, ModelSpec, Request, ToolCall, Usage
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider
from tests.server import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.model import Answer
    from tests.server import LlmServer


class TimeLimitError(Exception):
    """What a plugin raises in a test that takes too long."""


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


def test_a_plan_that_never_came_is_another_workers(broker: Broker, llm_server: LlmServer) -> None:
    """A worker that dies between claiming the plan and sending it leaves the plan to the next one that asks."""
    first, second = (RemoteEngine.reach(broker.port, broker.token) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.claim_plan()
    first.close()
    pause = threading.Event()
    while not second.claim_plan():  # until the broker has seen the end of the first
        pause.wait(0.01)
    second.plan([{"request": {"model": "m", "endpoint": "", "body": asked("hi").body}, "owner": "item"}])
    second.close()
    third = RemoteEngine.reach(broker.port, broker.token)
    assert third is not None
    assert not third.claim_plan()
    third.close()
    assert len(llm_server.calls) <= 1


def test_an_interrupted_wait_leaves_no_reply_behind(broker: Broker, llm_server: LlmServer) -> None:
    """A question whose wait was interrupted, as by a time limit, never has its answer taken for the next one's."""
    llm_server.hang(contains="slow")
    remote = RemoteEngine.reach(broker.port, broker.token)
    assert remote is not None

    def interrupt(*_: object) -> None:
        raise TimeLimitError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(TimeLimitError):
            remote.complete(asked("slow"))
    finally:
        signal.signal(signal.SIGALRM, before)
    llm_server.release()
    for text in ("one", "two"):
        answer = remote.complete(asked(text))
        assert isinstance(answer, Completion)
        assert answer.text == text
    remote.close()


def test_many_threads_share_few_connections(broker: Broker, llm_server: LlmServer) -> None:
    """However many threads of a worker ask, the controller has 32 connections of it at most."""
    remote = RemoteEngine.reach(broker.port, broker.token)
    assert remote is not None
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(remote.complete, (asked(str(number)) for number in range(200))))
    assert [answer.text for answer in answers if isinstance(answer, Completion)] == [*map(str, range(200))]
    assert len(remote._all) <= 32
    assert len(llm_server.calls) == 200
    remote.close()


def test_strangers_find_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections without the token are turned away beyond a number, and workers are served again once these have gone."""
    monkeypatch.setattr("pytest_llmupgrade.engine.broker._STRANGERS", 3)
    broker = Broker(lambda: pytest.fail("nothing is asked"), lambda _plain: lambda _completion: ())
    strangers = [socket.create_connection((HOST, broker.port)) for _ in range(4)]
    (turned_away,), _, _ = select.select(strangers, [], [], WAIT_S)
    assert turned_away.recv(1) == b""
    assert RemoteEngine.reach(broker.port, broker.token) is None
    for stranger in strangers:
        stranger.close()
    remote = None
    while remote is None:  # until the broker has seen their end
        remote = RemoteEngine.reach(broker.port, broker.token)
    remote.close()
    broker.close()


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

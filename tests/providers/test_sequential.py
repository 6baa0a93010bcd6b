from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.model import Answer, CallFailure, Completer, Completion, JsonObject, ModelSpec, Request
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider
from pytest_llmupgrade.providers.sequential import SequentialCompleter, wait_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server import LlmServer


waited: list[float] = []


@pytest.fixture
def completer(llm_server: LlmServer) -> Iterator[SequentialCompleter]:
    """Return a completer for the model `m` of the server, whose waits are written down instead of waited for."""
    waited.clear()
    specs = {"m": ModelSpec(name="m", wire_name="m", base_url=llm_server.base_url)}
    made = SequentialCompleter(OpenAIProvider(), specs, sleep=waited.append)
    yield made
    made.close()


def asked(text: str, model: str = "m") -> Request:
    """Return a request with one message."""
    body: JsonObject = {"model": model, "messages": [{"role": "user", "content": text}]}
    return Request(model=model, endpoint="", body=body)


def text_of(answer: Answer) -> str:
    """Return an answer's text, or why there is none."""
    return answer.text if isinstance(answer, Completion) else f"{answer.kind}: {answer.message}"


def test_it_is_a_completer(completer: Completer) -> None:
    """Where a Completer is asked for, it fits."""
    assert text_of(completer.complete(asked("hi"))) == "hi"


def test_retries_wait_as_long_as_the_server_asks(
    llm_server: LlmServer, completer: SequentialCompleter
) -> None:
    """A limit that passes is waited out, and the answer comes."""
    llm_server.fail(429, retry_after=7, times=1)
    assert text_of(completer.complete(asked("hi"))) == "hi"
    assert waited == [7.0]


def test_three_tries_at_most(llm_server: LlmServer, completer: SequentialCompleter) -> None:
    """A server that stays down is tried three times, ever later."""
    llm_server.fail(503, "busy")
    assert text_of(completer.complete(asked("hi"))) == "server: m: the server failed (503): busy"
    assert (len(llm_server.calls), waited) == (3, [0.5, 1.0])


def test_what_trying_again_does_not_help(llm_server: LlmServer, completer: SequentialCompleter) -> None:
    """A refused request is sent once."""
    llm_server.fail(400, "no")
    completer.complete(asked("hi"))
    assert (len(llm_server.calls), waited) == (1, [])


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Completion(text=""), None),
        (CallFailure(kind="connection", message=""), 0.5),
        (CallFailure(kind="rate_limit", message="", retry_after_s=20.0), 20.0),
        (CallFailure(kind="rate_limit", message="", retry_after_s=21.0), None),
        (CallFailure(kind="rate_limit", message="", retry_after_s=0.0), 0.0),
        (CallFailure(kind="timeout", message=""), None),
        (CallFailure(kind="quota", message=""), None),
    ],
)
def test_wait(answer: Answer, seconds: float | None) -> None:
    """Only what may pass soon is tried again, and never after more than twenty seconds."""
    assert wait_s(answer, 0) == seconds


def test_many_threads(llm_server: LlmServer, completer: SequentialCompleter) -> None:
    """Threads share it, and each gets its own answer."""
    texts = [f"question {i}" for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda text: text_of(completer.complete(asked(text))), texts))
    assert answers == texts
    assert sorted(llm_server.texts()) == sorted(texts)


def test_unknown_model(completer: SequentialCompleter) -> None:
    """A model that nobody declared is a failure."""
    assert text_of(completer.complete(asked("hi", "x"))) == "not_found: x: no such model is declared"


def test_closing_twice_and_calling_after(completer: SequentialCompleter) -> None:
    """After it is closed, calls fail as cancelled, whether it was used before or not."""
    completer.complete(asked("hi"))
    completer.close()
    completer.close()
    assert text_of(completer.complete(asked("hi"))) == "cancelled: m: not sent, the run is over"


def test_closing_ends_what_hangs(llm_server: LlmServer, completer: SequentialCompleter) -> None:
    """A call that hangs when another thread closes ends as cancelled, and its thread goes on."""
    llm_server.hang()
    answers: list[str] = []
    caller = threading.Thread(target=lambda: answers.append(text_of(completer.complete(asked("hi")))))
    caller.start()
    llm_server.wait_for_calls(1)
    completer.close()
    caller.join()
    assert answers == ["cancelled: m: not sent, the run is over"]


def test_unused_it_starts_nothing() -> None:
    """A completer that is never used has no thread."""
    before = threading.active_count()
    SequentialCompleter(OpenAIProvider(), {}).close()
    assert threading.active_count() == before

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.retry import RetryPolicy
from pytest_llmupgrade.engine.settings import EngineSettings
from pytest_llmupgrade.model import CallFailure, Completion, ModelSpec
from pytest_llmupgrade.providers.adapt import Adaptation, adaptation_from_json
from pytest_llmupgrade.providers.adapting import AdaptingProvider
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider
from pytest_llmupgrade.store import Store
from tests.engine.scripted import request
from tests.wire import Raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_llmupgrade.model import JsonObject
    from tests.server import LlmServer


@contextmanager
def _running(server: LlmServer, folder: Path, settings: EngineSettings) -> Iterator[Engine]:
    """Run an engine on the real provider, a real server and a real store, without waits between retries."""
    store = Store.open(folder / "answers.db")
    spec = ModelSpec(name="m", wire_name="m", base_url=server.base_url)
    engine = Engine(AdaptingProvider(OpenAIProvider()), {"m": spec}, store, settings)
    engine._dispatcher._sender._policy = RetryPolicy(chance=lambda: 0.0)
    yield engine
    engine.close()
    store.close()


@pytest.fixture
def engine(llm_server: LlmServer, tmp_path: Path) -> Iterator[Engine]:
    """Run an engine that may retry as often as it likes."""
    with _running(llm_server, tmp_path, EngineSettings(retry_reserve=1000)) as engine:
        yield engine


def test_calls_share_the_wire(llm_server: LlmServer, tmp_path: Path) -> None:
    """Planned calls are on the wire at the same time, each once."""
    llm_server.hang()
    asked = [request(f"q{i}") for i in range(30)]
    with _running(llm_server, tmp_path, EngineSettings(probe_s=0)) as engine:
        engine.plan(asked)
        llm_server.wait_for_calls(30)
        llm_server.release()
        answers = [answer for answer in map(engine.complete, asked) if isinstance(answer, Completion)]
    assert llm_server.max_in_flight == 30
    assert [answer.text for answer in answers] == [f"q{i}" for i in range(30)]
    assert len(llm_server.calls) == 30


def test_faults_of_every_kind_are_survived(engine: Engine, llm_server: LlmServer) -> None:
    """A server that fails a fifth of its calls, in five ways, answers all in the end, each paid for once."""
    llm_server.fail(429, retry_after=0, times=2)
    llm_server.fail(500, times=2)
    llm_server.reset(times=2)
    llm_server.truncate(times=2)
    llm_server.send("<html>bad gateway</html>", status=502, times=2)
    asked = [request(f"q{i}") for i in range(50)]
    engine.plan(asked)
    answers = [engine.complete(each) for each in asked]
    assert [answer for answer in answers if isinstance(answer, CallFailure)] == []
    assert len(llm_server.calls) == 60
    assert engine.stats().retried == 10
    assert engine.stats().live == 50


def test_hanging_server_is_left_when_cancelled(engine: Engine, llm_server: LlmServer) -> None:
    """A cancel does not wait for a server that says nothing."""
    llm_server.hang()
    engine.plan([request("q")])
    llm_server.wait_for_calls(1)
    engine.cancel()
    answer = engine.complete(request("q"))
    assert isinstance(answer, CallFailure)
    assert answer.kind == "cancelled"


def test_refused_parameter_is_met_once(engine: Engine, llm_server: LlmServer) -> None:
    """Of many planned calls only the first is refused, since it goes alone; the others go without the parameter."""
    _refuse_temperature(llm_server)
    asked = [
        replace(each, body={**each.body, "temperature": 0}) for each in (request(f"q{i}") for i in range(20))
    ]
    engine.plan(asked)
    answers = [engine.complete(each) for each in asked]
    assert [answer for answer in answers if isinstance(answer, CallFailure)] == []
    assert all(isinstance(answer, Completion) and answer.adapted for answer in answers)
    assert len(llm_server.calls) == 21


def test_refused_parameter_is_known_to_the_next_run(llm_server: LlmServer, tmp_path: Path) -> None:
    """What one run learnt is read from the store by the next, which is not refused at all."""
    _refuse_temperature(llm_server)
    spec = ModelSpec(name="m", wire_name="m", base_url=llm_server.base_url)
    for name, calls in (("a", 2), ("b", 3)):
        store = Store.open(tmp_path / "answers.db")
        provider = AdaptingProvider(
            OpenAIProvider(),
            learnt={place: _adaptations(plain) for place, plain in store.adaptations().items()},
            on_learnt=partial(_remember, store),
        )
        engine = Engine(provider, {"m": spec}, store)
        asked = request(name)
        assert isinstance(engine.complete(replace(asked, body={**asked.body, "temperature": 0})), Completion)
        engine.close()
        store.close()
        assert len(llm_server.calls) == calls


def _remember(store: Store, place: tuple[str, str, str], adaptation: Adaptation) -> None:
    store.remember_adaptation(place, adaptation.to_json())


def _adaptations(plain: tuple[JsonObject, ...]) -> tuple[Adaptation, ...]:
    return tuple(each for each in map(adaptation_from_json, plain) if each is not None)


def _refuse_temperature(server: LlmServer) -> None:
    words = "Unsupported parameter: 'temperature' is not supported with this model."
    refusal = {"code": "unsupported_parameter", "param": "temperature"}
    body = json.dumps({"error": {"message": words, "type": "invalid_request_error", **refusal}}).encode()
    server.when(lambda call: Raw(status=400, body=body) if "temperature" in call.body else None)

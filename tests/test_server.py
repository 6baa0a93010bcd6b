from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import openai
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server import LlmServer


@pytest.fixture
def client(llm_server: LlmServer) -> Iterator[openai.OpenAI]:
    """Return the ordinary client of the scripted server."""
    with openai.OpenAI(base_url=llm_server.base_url, api_key="k", max_retries=0) as made:
        yield made


def say(client: openai.OpenAI, text: str, model: str = "m") -> str | None:
    """Ask the model and return its words."""
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
    return answer.choices[0].message.content


def test_rules_by_model_and_words(llm_server: LlmServer, client: openai.OpenAI) -> None:
    """The newest rule that matches answers; where none does, the default; without one, an echo."""
    assert say(client, "hello") == "hello"
    llm_server.default(text="I do not know")
    llm_server.reply(contains="refund", text="30 days")
    llm_server.reply(model="new", contains="refund", text="60 days")
    assert say(client, "hello") == "I do not know"
    assert say(client, "a refund") == "30 days"
    assert say(client, "a refund", "new") == "60 days"
    assert [call.model for call in llm_server.calls] == ["m", "m", "m", "new"]


def test_a_fault_that_passes(llm_server: LlmServer, client: openai.OpenAI) -> None:
    """A rule with `times` ends."""
    llm_server.fail(429, "slow down", times=1)
    with pytest.raises(openai.RateLimitError, match="slow down"):
        say(client, "hello")
    assert say(client, "hello") == "hello"


def test_the_models_list(llm_server: LlmServer, client: openai.OpenAI) -> None:
    """`/v1/models` lists what the test declares."""
    llm_server.models.append({"id": "m", "object": "model", "created": 1, "owned_by": "x"})
    assert [model.id for model in client.models.list()] == ["m"]


def test_a_subprocess_reaches_it(llm_server: LlmServer) -> None:
    """Its address and key in the environment are all that another process needs."""
    code = "import openai; print(openai.OpenAI().responses.create(model='m', input='from afar').output_text)"
    ran = subprocess.run(  # noqa: S603  the interpreter that runs the tests
        [sys.executable, "-c", code],
        env=llm_server.environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout == "from afar\n"

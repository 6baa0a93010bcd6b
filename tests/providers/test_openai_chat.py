from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.model import (
    Answer,
    Api,
    CallFailure,
    Completion,
    JsonObject,
    ModelSpec,
    Request,
    Usage,
)
from pytest_llmupgrade.providers.adapting import AdaptingProvider
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider, is_loopback, missing_key
from tests.server import LlmServer
from tests.wire import Raw, error_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_llmupgrade.providers.sequential import Provider
    from tests.wire import Call


def spec_of(server: LlmServer, **fields: Any) -> ModelSpec:
    """Return a model on the server."""
    return ModelSpec(**{"name": "m", "wire_name": "m", "base_url": server.base_url, **fields})


def asked(text: str, *, api: Api = "chat", **params: Any) -> Request:
    """Return a request with one message of the user."""
    key = "messages" if api == "chat" else "input"
    body: JsonObject = {"model": "m", key: [{"role": "user", "content": text}], **params}
    return Request(model="m", endpoint="", api=api, body=body)


def complete_all(
    spec: ModelSpec, requests: Sequence[Request], provider: Provider | None = None
) -> list[Answer]:
    """Complete the requests at once, with a provider of their own, and close it."""

    async def run() -> list[Answer]:
        used = provider or OpenAIProvider()
        try:
            return await asyncio.gather(*(used.acomplete(request, spec) for request in requests))
        finally:
            await used.aclose()

    return asyncio.run(run())


def complete(spec: ModelSpec, request: Request, provider: Provider | None = None) -> Answer:
    """Complete one request."""
    return complete_all(spec, [request], provider)[0]


def fail(spec: ModelSpec, request: Request | None = None) -> CallFailure:
    """Return why a call brings no answer; fail where it brings one."""
    answer = complete(spec, request or asked("hi"))
    assert isinstance(answer, CallFailure), answer
    return answer


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_an_answer(llm_server: LlmServer, api: Api) -> None:
    """Text, usage, model and latency arrive by both APIs."""
    llm_server.reply(contains="refund", text="30 days", usage=(10, 2))
    answer = complete(spec_of(llm_server), asked("refund?", api=api))
    assert isinstance(answer, Completion)
    assert (answer.text, answer.usage, answer.model) == (
        "30 days",
        Usage(input_tokens=10, output_tokens=2),
        "m",
    )
    assert answer.latency_ms > 0
    assert llm_server.calls[0].path == ("/v1/chat/completions" if api == "chat" else "/v1/responses")


def test_the_body_goes_out_as_it_stands(llm_server: LlmServer) -> None:
    """Parameters that the client does not know pass through, and half a character does no harm."""
    request = asked("half \ud800", top_k=3, metadata={"a": [None, 1.5]}, temperature=None)
    complete(spec_of(llm_server), request)
    assert llm_server.calls[0].body == request.body


def test_tool_calls(llm_server: LlmServer) -> None:
    """Tool calls arrive."""
    llm_server.reply(tool_calls=(("look", {"id": 1}),), finish_reason="tool_calls")
    answer = complete(spec_of(llm_server), asked("where?"))
    assert isinstance(answer, Completion)
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [("look", '{"id": 1}')]


def test_one_try_only(llm_server: LlmServer) -> None:
    """The client's own retries are off: they live in one place, which is not here."""
    llm_server.fail(500, "oops", retry_after=0)
    failure = fail(spec_of(llm_server))
    assert (failure.kind, failure.status, failure.retry_after_s) == ("server", 500, 0.0)
    assert failure.message == "m: the server failed (500): oops"
    assert len(llm_server.calls) == 1


def test_rate_limit_says_how_long(llm_server: LlmServer) -> None:
    """Retry-After comes with the failure."""
    llm_server.fail(429, "slow down", retry_after=3)
    failure = fail(spec_of(llm_server))
    assert (failure.kind, failure.retry_after_s) == ("rate_limit", 3.0)


def test_spent_quota_is_no_rate_limit(llm_server: LlmServer) -> None:
    """Waiting does not bring money."""
    llm_server.fail(429, "You exceeded your current quota", code="insufficient_quota")
    assert fail(spec_of(llm_server)).kind == "quota"


def test_a_refused_key_is_not_shown(llm_server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the variable, not what is in it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-123456")
    llm_server.fail(401, "Incorrect API key provided: sk-plan***3456.", code="invalid_api_key")
    failure = fail(spec_of(llm_server))
    assert failure.message == "m: the key in OPENAI_API_KEY is refused (401)"
    assert "sk-" not in repr(failure)
    assert llm_server.calls[0].headers["authorization"] == "Bearer sk-planted-123456"


def test_unknown_model(llm_server: LlmServer) -> None:
    """A model that is not there is said to be that, and where."""
    llm_server.fail(404, "The model `m` does not exist", code="model_not_found")
    host = f"127.0.0.1:{llm_server.port}"
    assert fail(spec_of(llm_server)).message == (
        f"m: no such model at {host}, or no access to it (404 model_not_found)"
    )


@pytest.mark.parametrize(("status", "kind"), [(200, "protocol"), (404, "not_found"), (502, "server")])
def test_a_web_page(llm_server: LlmServer, status: int, kind: str) -> None:
    """HTML in place of JSON is said to be that."""
    llm_server.send("<html>hello</html>", status=status)
    failure = fail(spec_of(llm_server))
    assert failure.kind == kind
    assert "text/html" in failure.message
    assert "hello" not in failure.message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"9" * 10_000])
def test_bytes_that_are_no_json(llm_server: LlmServer, body: bytes) -> None:
    """No bytes whatever make a call raise."""
    llm_server.send(body)
    assert fail(spec_of(llm_server)).kind == "protocol"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({"choices": []}, "protocol", "m: the answer has no choices"),
        ({"choices": [{"message": {"content": None}}]}, "empty", "m: the answer is empty (content is null)"),
    ],
)
def test_answers_without_content(llm_server: LlmServer, body: object, kind: str, words: str) -> None:
    """An answer that holds none names the model and what is missing."""
    llm_server.send(body)
    failure = fail(spec_of(llm_server))
    assert (failure.kind, failure.message) == (kind, words)


def test_connection_reset(llm_server: LlmServer) -> None:
    """A connection that is reset is no timeout, though the client's transport calls it one."""
    llm_server.reset()
    failure = fail(spec_of(llm_server))
    assert failure.kind == "connection"
    assert "closed the connection without an answer" in failure.message


def test_truncated_answer(llm_server: LlmServer) -> None:
    """Half an answer is no answer."""
    llm_server.truncate()
    failure = fail(spec_of(llm_server))
    assert failure.kind == "connection"
    assert "in the middle of its answer" in failure.message


def test_something_that_is_no_http(llm_server: LlmServer) -> None:
    """Another protocol on that port is said to be that."""
    llm_server.hang(b"SSH-2.0-OpenSSH\r\n\r\n")
    failure = fail(spec_of(llm_server))
    assert (failure.kind, "does not answer in HTTP" in failure.message) == ("protocol", True)


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
def test_a_server_that_hangs(llm_server: LlmServer, first: bytes) -> None:
    """The deadline holds for the whole call, wherever the server stops."""
    llm_server.hang(first)
    failure = fail(spec_of(llm_server, timeout_s=0.2))
    assert failure.kind == "timeout"
    assert failure.message == 'm: no answer within 0.2 s (timeout_s in [tool.llmupgrade.models."m"])'


def test_nobody_listens(llm_server: LlmServer) -> None:
    """A refused connection asks whether the address is right."""
    with LlmServer() as gone:
        pass
    failure = fail(spec_of(llm_server, base_url=gone.base_url))
    assert failure.kind == "connection"
    assert "no connection to 127.0.0.1:" in failure.message
    assert "is base_url right?" in failure.message


def test_an_address_that_is_none(llm_server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base_url without http:// is a failure that says so."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-123456")
    failure = fail(spec_of(llm_server, base_url="example.invalid/v1"))
    assert (failure.kind, "must start with http" in failure.message) == ("connection", True)


def test_cancelling_hangs_up(llm_server: LlmServer) -> None:
    """A cancelled call ends at once, as a cancellation and not as a value."""
    llm_server.hang()

    async def run() -> None:
        provider = OpenAIProvider()
        task = asyncio.create_task(provider.acomplete(asked("hi"), spec_of(llm_server)))
        await asyncio.to_thread(llm_server.wait_for_calls, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await provider.aclose()

    asyncio.run(run())


def test_calls_run_at_the_same_time(llm_server: LlmServer) -> None:
    """The provider itself limits nothing: 200 calls are in flight together, and each gets its own answer."""
    llm_server.hang()

    async def run() -> list[Answer]:
        provider = OpenAIProvider()
        calls = [provider.acomplete(asked(f"question {i}"), spec_of(llm_server)) for i in range(200)]
        everything = asyncio.gather(*calls)
        await asyncio.to_thread(llm_server.wait_for_calls, 200)
        llm_server.release()
        answers = await everything
        await provider.aclose()
        return answers

    answers = asyncio.run(run())
    assert [answer.text for answer in answers if isinstance(answer, Completion)] == [
        f"question {i}" for i in range(200)
    ]
    assert llm_server.max_in_flight == 200


def test_connections_are_kept(llm_server: LlmServer) -> None:
    """Calls one after the other share a connection."""

    async def run() -> None:
        provider = OpenAIProvider()
        for _ in range(5):
            await provider.acomplete(asked("hi"), spec_of(llm_server))
        await provider.aclose()

    asyncio.run(run())
    assert llm_server.connections == 1


def test_one_provider_on_two_loops(llm_server: LlmServer) -> None:
    """A provider outlives an event loop: each has connections of its own."""
    provider = OpenAIProvider()
    assert isinstance(complete(spec_of(llm_server), asked("hi"), provider), Completion)
    assert isinstance(complete(spec_of(llm_server), asked("hi"), provider), Completion)


def test_the_default_address(llm_server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without base_url the client's own default holds, with the key of the model's variable."""
    monkeypatch.setenv("OPENAI_BASE_URL", llm_server.base_url)
    monkeypatch.setenv("OTHER_KEY", "sk-other-12345")
    complete(spec_of(llm_server, base_url=None, api_key_env="OTHER_KEY"), asked("hi"))
    assert llm_server.calls[0].headers["authorization"] == "Bearer sk-other-12345"


def test_missing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is needed and not set is asked for by name; a server on this machine needs none."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    spec = ModelSpec(name="gpt-4o", wire_name="gpt-4o")
    words = 'gpt-4o needs a key: set OPENAI_API_KEY, or api_key_env in [tool.llmupgrade.models."gpt-4o"]'
    assert missing_key(spec) == words
    assert complete(spec, asked("hi")) == CallFailure(kind="auth", message=words)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-123456")
    assert missing_key(spec) is None
    assert (
        missing_key(ModelSpec(name="m", wire_name="m", base_url="http://[::1]:1/v1", api_key_env="NONE"))
        is None
    )


@pytest.mark.parametrize("key", ["sk-schl\u00fcssel", "sk-planted\n", "sk-a\x7fb", "\u2019sk-quoted\u2019"])
def test_a_key_that_is_none(monkeypatch: pytest.MonkeyPatch, llm_server: LlmServer, key: str) -> None:
    """A key that no header can hold is said to be that, without a part of it, and no call is tried."""
    monkeypatch.setenv("OTHER_KEY", key)
    spec = spec_of(llm_server, api_key_env="OTHER_KEY")
    words = f"{spec.name}: OTHER_KEY holds a line break or a character that is not ASCII; set it anew"
    assert missing_key(spec) == words
    assert complete(spec, asked("hi")) == CallFailure(kind="auth", message=words)


def test_a_proxy_is_not_asked_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, llm_server: LlmServer
) -> None:
    """A server on the loopback is called directly, whatever proxy the environment names."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://user:password@127.0.0.1:9")
    answer = complete(spec_of(llm_server), asked("hi"))
    assert isinstance(answer, Completion)
    assert answer.text == "hi"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the transport's own affair
def test_a_proxy_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment sends calls through a proxy, a failure names its variable, and no password."""
    monkeypatch.setenv("HTTP_PROXY", "http://user:geheim99@127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("OTHER_KEY", "sk-other-12345")
    spec = ModelSpec(name="m", wire_name="m", base_url="http://192.0.2.1/v1", api_key_env="OTHER_KEY")
    failure = complete(spec, asked("hi"))
    assert isinstance(failure, CallFailure)
    assert "no connection to 192.0.2.1: is base_url right, and the proxy in HTTP_PROXY?" in failure.message
    assert "geheim99" not in failure.message


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:1234/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://127.9.9.9/v1", True),
        ("https://localhost.example.com/v1", False),
        ("https://api.openai.com/v1", False),
        ("http://10.0.0.1/v1", False),
        ("", False),
        ("http://[oops/v1", False),
    ],
)
def test_is_loopback(url: str, here: bool) -> None:  # noqa: FBT001  a table's column
    """Only this very machine counts as loopback."""
    assert is_loopback(url) is here


def refusing(param: str, message: str) -> Callable[[Call], Raw | None]:
    """Return a rule by which a model refuses a parameter."""
    refusal = Raw(status=400, body=json.dumps(error_body(message, param=param)).encode())
    return lambda call: refusal if param in call.body else None


def test_refused_parameters_are_learnt(llm_server: LlmServer) -> None:
    """A refused parameter is changed, the report told, and the next request spares the refusals."""
    refused = "Unsupported parameter: '{}' is not supported with this model."
    for param, more in [
        ("max_tokens", " Use 'max_completion_tokens' instead."),
        ("temperature", ""),
        ("stop", ""),
    ]:
        llm_server.when(refusing(param, refused.format(param) + more))
    llm_server.default(text="one END two")
    provider = AdaptingProvider(OpenAIProvider())
    request = asked("hi", max_tokens=5, temperature=0, stop=["END"])
    answer = complete(spec_of(llm_server), request, provider)
    assert isinstance(answer, Completion)
    assert (answer.text, len(answer.adapted)) == ("one ", 3)
    assert "max_tokens renamed to max_completion_tokens" in answer.adapted
    assert len(llm_server.calls) == 4
    again = complete(spec_of(llm_server), request, provider)
    assert isinstance(again, Completion)
    assert again.adapted == answer.adapted
    assert llm_server.calls[-1].body == {**asked("hi").body, "max_completion_tokens": 5}
    assert len(llm_server.calls) == 5


def test_many_calls_at_once_are_refused_once(llm_server: LlmServer) -> None:
    """The first call with a model's parameters goes ahead, and the others profit from its refusal."""
    llm_server.when(refusing("temperature", "Unsupported parameter: 'temperature' is not supported."))
    requests = [asked(f"hi {n}", temperature=0) for n in range(30)]
    answers = complete_all(spec_of(llm_server), requests, AdaptingProvider(OpenAIProvider()))
    assert all(isinstance(answer, Completion) and answer.adapted for answer in answers)
    assert len(llm_server.calls) == 31


def test_a_refusal_that_nothing_helps(llm_server: LlmServer) -> None:
    """A refusal without a known remedy stands after one try."""
    llm_server.fail(400, "Invalid schema for response_format 'X'", param="response_format")
    provider = AdaptingProvider(OpenAIProvider())
    answer = complete(spec_of(llm_server), asked("hi", response_format={"type": "json_schema"}), provider)
    assert isinstance(answer, CallFailure)
    assert len(llm_server.calls) == 1

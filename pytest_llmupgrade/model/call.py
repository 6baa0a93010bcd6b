"""A call: what is asked, and the completion or the failure that it brings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from pytest_llmupgrade.model.spec import Api
    from pytest_llmupgrade.model.values import JsonObject

Origin: TypeAlias = Literal["live", "stored", "replayed"]
FailureKind: TypeAlias = Literal[
    "auth",  # the key is missing, wrong or not allowed
    "not_found",  # no such model or address
    "quota",  # nothing left to spend
    "rate_limit",  # too many requests, and the retries are used up
    "bad_request",  # the provider refuses the request as it stands
    "server",  # 5xx
    "timeout",
    "connection",
    "protocol",  # an answer that is not the API's: HTML, no choices
    "empty",  # an answer without content
    "budget",  # not sent: the budget is spent
    "cancelled",  # not sent: the run stopped
    "replay",  # no recorded answer to exactly this request
    "target",  # the project's own `llm_target` raised
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call: everything that decides its answer."""

    model: str
    """The name in `--llm-models`, for settings and reports; it is no part of the key."""
    endpoint: str
    """Base URL, or '' for the client's default."""
    body: JsonObject
    """The JSON that is sent."""
    api: Api = "chat"
    repeat: int = 0
    """Index among the completions asked for with the same body."""

    @property
    def key(self) -> str:
        """SHA-256 over endpoint, API, body and repeat index."""
        text = json.dumps(
            [self.endpoint, self.api, self.body, self.repeat], sort_keys=True, separators=(",", ":")
        )
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call, as the provider counted them."""

    input_tokens: int
    """All input tokens, the cached ones included."""
    output_tokens: int
    """All output tokens, the reasoning ones included."""
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A function call that a model asked for."""

    name: str
    arguments: str
    """JSON text as the model wrote it, valid or not."""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A model's answer. Its text is data: hostile until escaped."""

    text: str
    """'' where the model only called tools."""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    refusal: str | None = None
    """The model's words where it declined; `text` repeats them."""
    usage: Usage | None = None
    """None: the server sent none, so the call is unpriced."""
    model: str = ""
    """The model that answered, as the server says."""
    latency_ms: float = 0.0
    """From the last try's sending to its whole answer, milliseconds."""
    origin: Origin = "live"
    batch: bool = False
    """Answered by a batch API: at its price, and with no latency that means anything."""
    adapted: tuple[str, ...] = ()
    """What was changed in the request so that the model took it, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailure:
    """Why a call brought no answer: a value, so that it stays countable."""

    kind: FailureKind
    message: str
    """One line for the user; holds no key and no header."""
    status: int | None = None
    retry_after_s: float | None = None
    refused: tuple[str | None, str] | None = None
    """The parameter that the provider refuses, if it names one, and its words: what an adaptation goes by."""
    usage: Usage | None = None
    """What was paid for nonetheless, as for an answer whose tokens all went into reasoning."""

    def __str__(self) -> str:
        return self.message


Answer: TypeAlias = Completion | CallFailure


class Completer(Protocol):
    """Whatever turns requests into answers: the engine, a replay, a script in a test."""

    def complete(self, request: Request) -> Answer:
        """Return the answer to a request, or why there is none; never raise for a failed call."""

    def close(self) -> None:
        """Release connections and threads; later calls fail as 'cancelled'."""

"""The nouns, frozen, in the order in which data flows through them.

Case -> Request -> Completion (or CallFailure) -> Verdict -> Judgement -> Record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]
Api: TypeAlias = Literal["chat", "responses"]
Origin: TypeAlias = Literal["live", "stored", "replayed"]
PassRule: TypeAlias = Literal["all", "any", "majority"] | float
"""Which of an item's completions must pass; a number is their share."""
Outcome: TypeAlias = Literal["passed", "missed", "errored", "skipped"]
NEGATION = "not "
"""Before a judge's name, where its verdict is turned round."""
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


# --- settings of a model -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model's tokens cost, in USD per million tokens."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    """None: cached tokens cost what other input tokens cost."""
    batch: Decimal | None = None
    """What a call by the Batch API costs, as a share of these prices, such as 0.5; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model as `--llm-models` names it, with everything needed to call it."""

    name: str
    wire_name: str
    """What the request's `model` says; `m#2` and `m` share it."""
    base_url: str | None = None
    """None: the `openai` client's own default (OPENAI_BASE_URL, else api.openai.com)."""
    api_key_env: str = "OPENAI_API_KEY"
    api: Api = "chat"
    params: JsonObject = field(default_factory=dict)
    """Request parameters of this model; they win over a case's and a file's."""
    price: Price | None = None
    """None: looked up by `genai-prices`; unknown there means unpriced, never free."""
    gguf: str | None = None
    """A weights file for a `local/...` model."""
    retires: date | None = None
    """The first day without it, as the user knows it (an Azure deployment, a model of one's own); None: looked up."""
    timeout_s: float = 120.0
    concurrency: int | None = None
    """The most calls in flight; None: what the run allows for each model."""
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    """Input and output together."""
    replay: bool = False
    """The model is gone: its answers come from snapshots, and no key is asked for."""

    @property
    def endpoint(self) -> str:
        """What names the server in a request's key: never the port that a local server got by chance."""
        return f"local:{self.gguf or ''}" if self.name.startswith("local/") else self.base_url or ""

    @property
    def repeat_offset(self) -> int:
        """What tells `m#2` from `m`: the same body, asked again and answered anew."""
        number = self.name.partition("#")[2]
        return int(number) * 1_000_000 if number.isdigit() else 0


# --- case ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """One judge as a case asks for it."""

    name: str
    """As written; the fixture is `judge_NAME` where there is one, else NAME."""
    options: JsonObject = field(default_factory=dict)
    """Keyword arguments; what is written as `{name: value}` arrives as `expected=value`."""
    negated: bool = False
    line: int = 0

    @property
    def label(self) -> str:
        """The name as reports show it."""
        return f"{NEGATION}{self.name}" if self.negated else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRule:
    """What a case says about models whose name matches a glob."""

    pattern: str
    action: Literal["skip", "xfail"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptUse:
    """Which prompt a model was told."""

    name: str
    """In prompts.yaml."""
    version: str
    sha256: str
    """Over the role and the template, placeholders not filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question to a model, with what a right answer is."""

    id: str
    """Unique in its file."""
    file: str
    """Path of the suite relative to the root, with forward slashes."""
    line: int
    messages: tuple[JsonObject, ...]
    """Chat messages, placeholders filled in."""
    expected: Json = None
    judges: tuple[JudgeSpec, ...] = ()
    category: str = "general"
    difficulty: str = "medium"
    tags: tuple[str, ...] = ()
    weight: float = 1.0
    """How many production requests the case stands for."""
    criticality: str | None = None
    repeat: int | None = None
    """Completions per model; None: the run's setting."""
    pass_when: PassRule | None = None
    """Which of them must pass; None: the run's setting."""
    source: str | None = None
    """Where the case came from, such as a log's line."""
    prompt: str | None = None
    """A name in prompts.yaml."""
    told: PromptUse | None = None
    """The prompt's version that stands first in `messages`; None: none does (yet)."""
    vars: JsonObject = field(default_factory=dict)
    params: JsonObject = field(default_factory=dict)
    tools: tuple[JsonObject, ...] = ()
    response_format: JsonObject | None = None
    rules: tuple[ModelRule, ...] = ()

    @property
    def key(self) -> str:
        """`FILE::ID`: the case's name across models, runs and reports."""
        return f"{self.file}::{self.id}"


# --- request and completion ----------------------------------------------------------------------


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


# --- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCall:
    """A completion that a judge itself paid for."""

    model: str
    usage: Usage | None
    batch: bool = False
    adapted: tuple[str, ...] = ()
    """What was changed in the request, as for a completion."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge decided about one completion."""

    passed: bool
    reason: str = ""
    """Why, in words; the first line stands in summaries, further lines may be a diff."""
    calls: tuple[JudgeCall, ...] = ()

    def __bool__(self) -> bool:
        return self.passed


Judge: TypeAlias = Callable[..., "Verdict | bool | None"]
"""`(completion, case, **options)`: a Verdict, True or None passes; False or an AssertionError misses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One judge's verdict on one completion, as it is recorded."""

    judge: str
    passed: bool
    reason: str = ""
    calls: tuple[JudgeCall, ...] = ()


# --- record --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedError:
    """Why a case has no verdict."""

    kind: str
    """A FailureKind, 'judge', or 'crash'."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One of several completions of an item, as it is recorded."""

    passed: bool
    answer: str
    tool_calls: tuple[ToolCall, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    latency_ms: float = 0.0
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one item did: one case on one model."""

    case_id: str
    """`FILE::ID`."""
    nodeid: str
    file: str
    line: int
    model: str
    outcome: Outcome
    category: str = "general"
    difficulty: str = "medium"
    weight: float = 1.0
    answer: str | None = None
    """Of several completions, the first that went as the item did."""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    """The sum over all completions."""
    cost_usd: Decimal | None = None
    """The sum over all completions; None: unpriced, or not completed."""
    judge_cost_usd: Decimal | None = None
    latency_ms: float | None = None
    """The mean over repeats."""
    origin: Origin | None = None
    judgements: tuple[Judgement, ...] = ()
    error: RecordedError | None = None
    adapted: tuple[str, ...] = ()
    reason: str = ""
    """Why it was skipped or is expected to miss."""
    case_sha256: str = ""
    """What was asked and wanted (`fingerprints.case_fingerprint`); '' in a Python test."""
    repeats: tuple[Repeat, ...] = ()
    """Each completion where there were several."""
    prompt: PromptUse | None = None
    """None: the case names no prompt."""
    asked_version: str | None = None
    """What `--llm-prompts` asked for; None: what the model uses."""

    @property
    def times(self) -> int:
        """How many completions were asked for."""
        return len(self.repeats) or 1

    @property
    def passes(self) -> int:
        """How many of them passed."""
        return (
            sum(repeat.passed for repeat in self.repeats) if self.repeats else int(self.outcome == "passed")
        )

"""A model as a run knows it: how to call it, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from pytest_llmupgrade.model.values import JsonObject

Api: TypeAlias = Literal["chat", "responses"]


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

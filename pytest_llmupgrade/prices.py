"""What a call cost: by the user's own price, else by `genai-prices`; unknown is unpriced, never zero."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pytest_llmupgrade.model import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

    from pytest_llmupgrade.model import ModelSpec, Price

Rate: TypeAlias = tuple[tuple[int, Decimal], ...]
"""USD for a million tokens, by the input that a call must exceed: the whole call has the last that it does. Empty: none."""

CHARS_PER_TOKEN = 4
"""English text with OpenAI's tokenizers, by their help page 'What are tokens and how to count them'."""
_PER = Decimal(1_000_000)
_BATCH = {"processing": "batch"}
_PROBE = Usage(input_tokens=1009, cached_input_tokens=211, output_tokens=503, reasoning_tokens=101)


def cost_usd(
    spec: ModelSpec, usage: Usage | None, *, batch: bool = False, tariffs: Tariffs | None = None
) -> Decimal | None:
    """Return what a call cost in USD, exactly; None where usage or price is unknown; local models cost nothing.

    `batch` asks for the price of a batch API: None where that one is unknown. `tariffs` stands in for the catalogue.
    """
    if usage is None or not _consistent(usage):
        return None
    if spec.price is not None:
        share = spec.price.batch if batch else Decimal(1)
        return None if share is None else _by_price(spec.price, usage) * share
    if spec.name.startswith("local/"):
        return Decimal(0)
    # A price may hold from a certain day or at certain hours only, so what is looked up holds for a minute.
    tariff = (tariffs or tariff_of)(spec.wire_name, address_of(spec), batch, int(time.time() // 60))
    return tariff.cost_usd(usage) if tariff else None


def prices_version() -> str:
    """Return which version of the price catalogue is installed; its prices are as old as that version."""
    return f"genai-prices {version('genai-prices')}"


def _consistent(usage: Usage) -> bool:
    """Whether the counts can be true: a server that reports more cached than sent tokens cannot be priced."""
    return 0 <= usage.cached_input_tokens <= usage.input_tokens and usage.output_tokens >= 0


def _by_price(price: Price, usage: Usage) -> Decimal:
    cached = price.input if price.cached_input is None else price.cached_input
    fresh_tokens = usage.input_tokens - usage.cached_input_tokens
    total = (
        price.input * fresh_tokens + cached * usage.cached_input_tokens + price.output * usage.output_tokens
    )
    return total / _PER


def address_of(spec: ModelSpec) -> str | None:
    """Return where the call goes, as the `openai` client decides it; None is OpenAI itself."""
    return spec.base_url or os.environ.get("OPENAI_BASE_URL") or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A model's prices, resolved once: looking them up costs a hundred times what multiplying does."""

    input: Rate
    cached_input: Rate
    output: Rate
    whole: ModelPrice | None = None
    """The catalogue's own calculation, for models that are not priced by these three alone."""

    def cost_usd(self, usage: Usage) -> Decimal | None:
        """Return the price of a call, None where it used tokens that have no price."""
        if (not self.input and usage.input_tokens) or (not self.output and usage.output_tokens):
            return None
        if self.whole is not None:
            return _by_catalogue(self.whole, usage)
        size = usage.input_tokens
        total = _amount(self.input, size - usage.cached_input_tokens, size)
        total += _amount(self.cached_input, usage.cached_input_tokens, size)
        return (total + _amount(self.output, usage.output_tokens, size)) / _PER

    def to_plain(self) -> dict[str, Any] | None:
        """Return JSON values; None where the three prices do not tell it all."""
        if self.whole is not None:
            return None
        rates = {"input": self.input, "cached_input": self.cached_input, "output": self.output}
        return {name: [(above, str(price)) for above, price in rate] for name, rate in rates.items()}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Return the tariff of `to_plain`."""

        def rate(name: str) -> Rate:
            return tuple((above, Decimal(price)) for above, price in plain[name])

        return cls(input=rate("input"), cached_input=rate("cached_input"), output=rate("output"))


Tariffs: TypeAlias = Callable[[str, str | None, bool, int], Tariff | None]
"""From a model's name on the wire, its address, whether by batch, and the minute since 1970."""


def _amount(rate: Rate, tokens: int, size: int) -> Decimal:
    """Return USD times a million."""
    if not tokens or not rate:
        return Decimal(0)
    return [price for above, price in rate if size > above][-1] * tokens


@lru_cache(maxsize=1024)
def tariff_of(wire_name: str, address: str | None, batch: bool, minute: int) -> Tariff | None:  # noqa: FBT001  a cache key
    """Return a model's prices in a minute since 1970, None where the catalogue does not truly know them."""
    found = catalogued(wire_name, address)
    price = _price(*found, minute, batch=batch) if found else None
    return _as_tariff(price) if price is not None else None


def catalogued(wire_name: str, address: str | None) -> tuple[Provider, ModelInfo] | None:
    """Return the catalogue's entry for a model at an address (None: OpenAI's), None where it has none."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        provider, model = get_snapshot().find_provider_model(
            wire_name, None, None if address else "openai", address
        )
    except LookupError:
        return None
    # some fine-tuned models are filed under their base model, whose price they do not have
    if wire_name.startswith("ft:") and not model.id.startswith("ft:"):
        return None
    return provider, model


def _price(provider: Provider, model: ModelInfo, minute: int, *, batch: bool) -> ModelPrice | None:
    """Return the price that holds, None for a batch price that is not listed: the catalogue would give the usual."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(minute * 60, tz=UTC)
    if not batch:
        return model.get_prices(moment)
    listed = any(
        variant.when == _BATCH and (variant.constraint is None or variant.constraint.active(moment))
        for variant in model.price_variants or ()
    )
    own = any(model is listed_model for listed_model in provider.models)
    return model.get_prices(moment, _BATCH) if listed and own else None


def _as_tariff(price: ModelPrice) -> Tariff:
    """Keep the three prices of text, and the catalogue's calculation where they do not give the same."""
    cached = price.input_mtok if price.cache_read_mtok is None else price.cache_read_mtok
    tariff = Tariff(
        input=_rate(price.input_mtok), cached_input=_rate(cached), output=_rate(price.output_mtok)
    )
    # some models are priced by the request, or have a price for reasoning, too
    agrees = price.input_mtok is not None and tariff.cost_usd(_PROBE) == _by_catalogue(price, _PROBE)
    return tariff if agrees else replace(tariff, whole=price)


def _rate(price: Decimal | TieredPrices | None) -> Rate:
    if price is None:
        return ()
    if isinstance(price, Decimal):
        return ((-1, price),)
    return ((-1, price.base), *((tier.start, tier.price) for tier in price.tiers))


def _by_catalogue(price: ModelPrice, usage: Usage) -> Decimal:
    from genai_prices import Usage as CatalogueUsage

    tokens = CatalogueUsage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        # some servers count reasoning beside the output, not in it
        output_reasoning_tokens=min(usage.reasoning_tokens, usage.output_tokens),
    )
    return price.calc_price(tokens)["total_price"]

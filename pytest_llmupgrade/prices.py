"""What a call cost: by the user's own price, else by `genai-prices`; unknown is unpriced, never zero."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmupgrade.model import ModelSpec, Price, Usage

_PER = Decimal(1_000_000)


def cost_usd(spec: ModelSpec, usage: Usage | None) -> Decimal | None:
    """Return what a call's tokens cost in USD, None where usage or price is unknown; local models cost nothing."""
    if usage is None:
        return None
    if spec.price is not None:
        return _by_price(spec.price, usage)
    if spec.name.startswith("local/"):
        return Decimal(0)
    return _by_catalogue(spec.wire_name, spec.base_url, usage)


def prices_version() -> str:
    """Return which version of the price catalogue is installed."""
    return f"genai-prices {version('genai-prices')}"


def _by_price(price: Price, usage: Usage) -> Decimal:
    cached = price.input if price.cached_input is None else price.cached_input
    fresh_tokens = usage.input_tokens - usage.cached_input_tokens
    total = (
        price.input * fresh_tokens + cached * usage.cached_input_tokens + price.output * usage.output_tokens
    )
    return total / _PER


@lru_cache(maxsize=4096)
def _by_catalogue(wire_name: str, base_url: str | None, usage: Usage) -> Decimal | None:
    """Look a price up; reasoning tokens are part of the output, cached ones part of the input."""
    from genai_prices import Usage as CatalogueUsage
    from genai_prices import calc_price

    tokens = CatalogueUsage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        if base_url is None:
            found = calc_price(tokens, wire_name, provider_id="openai")
        else:
            found = calc_price(tokens, wire_name, provider_api_url=base_url)
    except (LookupError, ValueError):  # unknown model or provider; usage that contradicts itself
        return None
    return found.total_price

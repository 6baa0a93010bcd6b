"""What the catalogue `genai-prices` lists for a model, and how old that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_llmupgrade.prices import address_of, catalogued

if TYPE_CHECKING:
    from datetime import date

    from genai_prices.types import ModelInfo, TieredPrices

    from pytest_llmupgrade.model import ModelSpec

_DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A model's prices in USD per million tokens, as the catalogue lists them today."""

    input: Decimal | str | None
    cached_input: Decimal | str | None
    output: Decimal | str | None
    source: str
    """The provider's page of prices, or the catalogue's name for the provider."""
    since: date | None
    """From when on the price holds, where the catalogue says so."""
    verified: str | None
    """The last day on which the catalogue's editors say that they checked a price of this model."""
    remark: str
    """The editors' own remark."""


def listed_price(spec: ModelSpec) -> Listed | None:
    """Return what is listed for a model where it is called; None where nothing is."""
    found = catalogued(spec.wire_name, address_of(spec))
    if found is None:
        return None
    provider, model = found
    price = model.get_prices(datetime.now(UTC))
    if price.input_mtok is None and price.output_mtok is None:
        return None
    cached = price.input_mtok if price.cache_read_mtok is None else price.cache_read_mtok
    remark = model.price_comments or ""
    return Listed(
        input=_tiers(price.input_mtok),
        cached_input=_tiers(cached),
        output=_tiers(price.output_mtok),
        source=next(iter(provider.pricing_urls or ()), provider.name),
        since=_since(model, datetime.now(UTC)),
        verified=max(_DATE.findall(remark), default=None),
        remark=remark,
    )


def _tiers(rate: Decimal | TieredPrices | None) -> Decimal | str | None:
    """Return a plain price, or the lowest and the highest where it depends on the size of the input."""
    if rate is None or isinstance(rate, Decimal):
        return rate
    steps = (f"{tier.price.normalize():f} over {tier.start:,}" for tier in rate.tiers)
    return ", ".join((f"{rate.base.normalize():f}", *steps))


def _since(model: ModelInfo, now: datetime) -> date | None:
    from genai_prices.types import StartDateConstraint

    if not isinstance(model.prices, list):
        return None
    limits = (price.constraint for price in model.prices)
    days = [limit.start_date for limit in limits if isinstance(limit, StartDateConstraint)]
    return max((day for day in days if day <= now.date()), default=None)

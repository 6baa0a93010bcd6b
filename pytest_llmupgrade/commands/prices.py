"""`llmupgrade prices`: what a model's tokens cost, with source and date of each price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.commands.price_list import listed_price
from pytest_llmupgrade.prices import prices_version
from pytest_llmupgrade.wording import UNPRICED, cells, one_line, pad

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from pytest_llmupgrade.commands.price_list import Listed
    from pytest_llmupgrade.model import ModelSpec

_HEAD = ("model", "input", "cached", "output", "date", "source")

_FIGURES = (1, 2, 3)
"""Columns that are aligned to the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """A model's prices in USD per million tokens, as texts, and where they come from."""

    model: str
    figures: tuple[str, str, str]
    """Input, cached input, output."""
    source: str
    dates: str = "-"
    """From when on the price holds, and when the catalogue's editors last checked it."""
    remark: str = ""


def lines(specs: Iterable[ModelSpec]) -> Iterator[str]:
    """Yield a table of prices, and below it what qualifies them."""
    rows = [price_row(spec) for spec in specs]
    table = [_HEAD, *((row.model, *row.figures, row.dates, row.source) for row in rows)]
    widths = [max(cells(row[column]) for row in table) for column in range(len(_HEAD))]
    for row in table:
        shown = (
            pad(cell, width, right=index in _FIGURES)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(shown).rstrip()
    yield ""
    yield f"USD per million tokens; catalogue: {prices_version()}"
    yield from (f"{row.model}: {row.remark}" for row in rows if row.remark)


def price_row(spec: ModelSpec) -> PriceRow:
    """Return a model's prices: the user's own, else the catalogue's; unknown is unpriced, never zero."""
    name = one_line(spec.name)
    if spec.price is not None:
        own = spec.price
        figures = (
            _usd(own.input),
            _usd(own.input if own.cached_input is None else own.cached_input),
            _usd(own.output),
        )
        return PriceRow(model=name, figures=figures, source="[tool.llmupgrade.models] in pyproject.toml")
    if spec.name.startswith("local/"):
        return PriceRow(model=name, figures=("0", "0", "0"), source="runs on this machine")
    listed = listed_price(spec)
    if listed is None:
        advice = "declare price = {input = ..., output = ...} in [tool.llmupgrade.models]"
        return PriceRow(model=name, figures=(UNPRICED, UNPRICED, UNPRICED), source="-", remark=advice)
    return PriceRow(
        model=name,
        figures=(_usd(listed.input), _usd(listed.cached_input), _usd(listed.output)),
        source=one_line(listed.source),
        dates=_dates(listed),
        remark=one_line(listed.remark),
    )


def _dates(listed: Listed) -> str:
    dates = (("since", listed.since), ("noted", listed.verified))
    return ", ".join(f"{word} {day}" for word, day in dates if day) or "-"


def _usd(amount: Decimal | str | None) -> str:
    """Return an amount as it is listed, without the zeros that say nothing."""
    if amount is None or isinstance(amount, str):
        return amount or "-"
    return f"{amount.normalize():f}"

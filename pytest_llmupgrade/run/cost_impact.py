"""What a change of model does to the bill: tokens, price per token, and cost at the declared traffic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from pytest_llmupgrade.stats import Interval, ratio_of_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_llmupgrade.model import Usage


class Paid(Protocol):
    """What a bill needs of a row."""

    @property
    def usage(self) -> Usage | None: ...  # noqa: D102  said by model.Record
    @property
    def cost_usd(self) -> Decimal | None: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102
    @property
    def times(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class CostImpact:
    """Candidate's bill over the incumbent's, on the cases that both answered."""

    cost: Interval | None = None
    """Ratio of the mean costs, 95 %; None: unpriced, free of charge or few."""
    input_tokens: Interval | None = None
    """Ratio of the mean tokens sent, 95 %; the same text may be more tokens to another model."""
    output_tokens: Interval | None = None
    """Ratio of the mean tokens answered, reasoning included, 95 %."""
    price: float | None = None
    """Ratio of what a token costs, each model at its own mix of input, cached input and output."""
    tokens: float | None = None
    """Ratio of all tokens, in and out; `cost` is `price` times this."""

    @property
    def break_even(self) -> float | None:
        """The ratio of all tokens at which both cost the same: below it the candidate is cheaper."""
        return 1 / self.price if self.price else None


def cost_impact(pairs: Sequence[tuple[Paid, Paid]]) -> CostImpact:
    """Compare (incumbent's row, candidate's row) of the same cases."""
    used = [
        (old, new, old.usage, new.usage)
        for old, new in pairs
        if old.usage is not None and new.usage is not None
    ]
    costs = [
        (float(new.cost_usd), float(old.cost_usd))
        for old, new in pairs
        if old.cost_usd is not None and new.cost_usd is not None
    ]
    priced = [
        (before, after, old.cost_usd, new.cost_usd)
        for old, new, before, after in used
        if old.cost_usd is not None and new.cost_usd is not None
    ]
    price_old = _per_token((before, cost) for before, _, cost, _ in priced)
    price_new = _per_token((after, cost) for _, after, _, cost in priced)
    return CostImpact(
        cost=_ratio(costs),
        input_tokens=_ratio([(after.input_tokens, before.input_tokens) for _, _, before, after in used]),
        output_tokens=_ratio([(after.output_tokens, before.output_tokens) for _, _, before, after in used]),
        price=price_new / price_old if price_old and price_new else None,
        tokens=_total(after for _, _, _, after in used) / (_total(before for _, _, before, _ in used) or 1)
        if used
        else None,
    )


def mean_cost(rows: Iterable[Paid]) -> Decimal | None:
    """Return USD per request, each case counted by the requests that it stands for; None where one is unpriced."""
    total, weight = Decimal(0), Decimal(0)
    for row in rows:
        if row.cost_usd is None:
            return None
        share = Decimal(str(row.weight))
        total += share * row.cost_usd / max(1, row.times)
        weight += share
    return total / weight if weight else None


def _ratio(pairs: Sequence[tuple[float, float]]) -> Interval | None:
    return ratio_of_means(*zip(*pairs, strict=True)) if pairs else None


def _per_token(paid: Iterable[tuple[Usage, Decimal]]) -> float:
    """Return USD per token, 0 where there is none."""
    cost, tokens = Decimal(0), 0
    for usage, amount in paid:
        cost += amount
        tokens += usage.input_tokens + usage.output_tokens
    return float(cost / tokens) if tokens else 0.0


def _total(usages: Iterable[Usage]) -> int:
    return sum(usage.input_tokens + usage.output_tokens for usage in usages)

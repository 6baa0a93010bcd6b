"""What a change of model does to the bill: tokens, price per token, and cost at the declared traffic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from pytest_llmupgrade.stats import Interval, ratio_of_means

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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
    """Compare (incumbent's row, candidate's row) of the same cases: by completion, each case as often as it is asked."""
    used = [(old, new) for old, new in pairs if old.usage is not None and new.usage is not None]
    paid = [(old, new) for old, new in pairs if old.cost_usd is not None and new.cost_usd is not None]
    priced = [(old, new) for old, new in used if old.cost_usd is not None and new.cost_usd is not None]
    cost = _over(priced, _cost)
    tokens = _over(priced, _tokens)
    return CostImpact(
        cost=_ratio(paid, _cost),
        input_tokens=_ratio(used, lambda row: row.usage.input_tokens if row.usage else 0),
        output_tokens=_ratio(used, lambda row: row.usage.output_tokens if row.usage else 0),
        price=cost / tokens if cost and tokens else None,
        tokens=_over(used, _tokens),
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


def _cost(row: Paid) -> float:
    return float(row.cost_usd or 0)


def _tokens(row: Paid) -> float:
    return row.usage.input_tokens + row.usage.output_tokens if row.usage else 0


def _ratio(pairs: Sequence[tuple[Paid, Paid]], amount: Callable[[Paid], float]) -> Interval | None:
    """Return the ratio of mean amounts with its interval."""
    return ratio_of_means(
        [amount(new) / max(1, new.times) for _, new in pairs],
        [amount(old) / max(1, old.times) for old, _ in pairs],
        weights=[new.weight for _, new in pairs],
    )


def _over(pairs: Sequence[tuple[Paid, Paid]], amount: Callable[[Paid], float]) -> float | None:
    """Return the ratio of mean amounts, of a single pair, too; None where the incumbent's is zero."""
    old = math.fsum(new.weight * amount(old) / max(1, old.times) for old, new in pairs)
    return math.fsum(new.weight * amount(new) / max(1, new.times) for _, new in pairs) / old if old else None

"""What a change of model does to the bill."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.model import Repeat, Usage
from pytest_llmupgrade.run.cost_impact import CostImpact, cost_impact, mean_cost
from pytest_llmupgrade.run.record import Row, row_of
from pytest_llmupgrade.run.report.verdict_lines import bill_words
from tests.report.making import MODELS, many, record, summary_of


def paid(  # noqa: PLR0913  what a bill is made of
    model: str, tokens_in: int, tokens_out: int, usd: str | None, *, weight: float = 1.0, times: int = 1
) -> Row:
    """Return a row that was paid for."""
    one = replace(
        record("a", model, passed=True, answer="x"),
        usage=Usage(input_tokens=tokens_in, output_tokens=tokens_out),
        cost_usd=None if usd is None else Decimal(usd),
        weight=weight,
        repeats=(Repeat(passed=True, answer="x"),) * times if times > 1 else (),
    )
    return row_of(one, 0)


def pair(old: tuple[int, int, str | None], new: tuple[int, int, str | None]) -> tuple[Row, Row]:
    """Return one case on both models."""
    return paid(MODELS[0], *old), paid(MODELS[1], *new)


def test_a_dearer_model_may_need_fewer_tokens() -> None:
    """Four times the price at half the tokens is twice the bill; a quarter of the tokens would break even."""
    impact = cost_impact([pair((100, 100, "0.001"), (50, 50, "0.002"))] * 3)
    assert impact.cost is not None
    assert impact.cost.estimate == pytest.approx(2)
    assert impact.price == pytest.approx(4)
    assert impact.tokens == pytest.approx(0.5)
    assert impact.break_even == pytest.approx(0.25)
    assert bill_words(impact) == (
        "tokens in 0.50x, out 0.50x · a token costs 4.00x, which breaks even at 0.25x the tokens, now 0.50x"
    )


@given(
    st.lists(
        st.tuples(
            *[st.tuples(st.integers(1, 9999), st.integers(1, 9999), st.integers(1, 10**6))] * 2,
        ),
        min_size=2,
        max_size=20,
    )
)
def test_price_times_tokens_is_cost(rows: list[tuple[tuple[int, int, int], ...]]) -> None:
    """Whatever the mix, the ratio of bills is that of the prices times that of the tokens."""
    impact = cost_impact([pair((*old[:2], str(old[2])), (*new[:2], str(new[2]))) for old, new in rows])
    assert impact.cost is not None
    assert impact.price is not None
    assert impact.tokens is not None
    assert impact.cost.estimate == pytest.approx(impact.price * impact.tokens)


def test_repeats_cost_no_more() -> None:
    """A candidate that was asked five times costs what one request costs; an incumbent asked once is no cheaper."""
    old = [paid(MODELS[0], 100, 10, "0.001") for _ in range(3)]
    new = [paid(MODELS[1], 500, 50, "0.010", times=5) for _ in range(3)]
    impact = cost_impact(list(zip(old, new, strict=True)))
    assert impact.cost is not None
    assert impact.input_tokens is not None
    assert (impact.cost.estimate, impact.price, impact.tokens, impact.input_tokens.estimate) == pytest.approx(
        (2, 2, 1, 1)
    )


def test_the_cost_ratio_is_that_of_the_cost_per_month() -> None:
    """A case that stands for most requests decides the ratio as it decides the bill."""
    old = [
        paid("m", 9, 9, usd, weight=weight)
        for usd, weight in (("0.001", 1000), ("0.010", 1))
        for _ in range(9)
    ]
    new = [
        paid("n", 9, 9, usd, weight=weight, times=2)
        for usd, weight in (("0.002", 1000), ("0.001", 1))
        for _ in range(9)
    ]
    impact = cost_impact(list(zip(old, new, strict=True)))
    before, after = mean_cost(old), mean_cost(new)
    assert impact.cost is not None
    assert before is not None
    assert after is not None
    assert impact.cost.estimate == pytest.approx(float(after / before))


def test_unknown_prices_leave_the_tokens() -> None:
    """With an unpriced or a free model the tokens are still compared, and no price is made up."""
    for price in (None, "0"):
        impact = cost_impact([pair((100, 40, "0.001"), (100, 20, price))] * 3)
        assert impact.cost is None
        assert impact.break_even is None
        assert bill_words(impact) == "tokens in 1.00x, out 0.50x"
    assert cost_impact([]) == CostImpact()
    assert not bill_words(CostImpact())


def test_a_case_costs_as_often_as_production_asks_it() -> None:
    """The cost per request is weighted by the requests that each case stands for; unknown is never zero."""
    rows = [paid("m", 1, 1, "1", weight=3), paid("m", 1, 1, "5", weight=1)]
    assert mean_cost(rows) == Decimal(2)
    assert mean_cost([*rows, paid("m", 1, 1, None)]) is None
    assert mean_cost([]) is None


def test_a_month_costs_what_its_requests_cost() -> None:
    """The declared traffic times the mean cost; nothing where no traffic is declared."""
    summary = summary_of(many(30))
    assert [model.monthly_cost_usd for model in summary.models] == [None, None]
    costs = [model.monthly_cost_usd for model in summary.with_traffic(1_000_000).models]
    assert costs == [Decimal(100), Decimal(400)]

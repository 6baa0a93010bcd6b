from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar

from pytest_llmupgrade.stats import (
    Interval,
    Pairs,
    mcnemar_exact,
    mcnemar_midp,
    noninferiority,
    tango,
    tango_z,
)
from pytest_llmupgrade.stats.paired import restricted_variance
from tests.stats.oracles import EXACT, ORACLES, SEARCHED


def bounds(interval: Interval) -> tuple[float, float]:
    """Return both bounds."""
    return interval.low, interval.high


def pairs_of(row: dict[str, Any]) -> Pairs:
    """Return an oracle's table."""
    return Pairs(broke=row["broke"], fixed=row["fixed"], n=row["n"])


DIFFERENCES = st.floats(-0.99, 0.99).map(lambda value: round(value, 9))


@st.composite
def tables(draw: st.DrawFn, most: int = 2000) -> Pairs:
    """Draw any table of paired cases."""
    n = draw(st.integers(1, most))
    broke = draw(st.integers(0, n))
    return Pairs(broke=broke, fixed=draw(st.integers(0, n - broke)), n=n)


@pytest.mark.parametrize("row", ORACLES["paired"], ids=lambda row: row["name"])
def test_tango_oracle(row: dict[str, Any]) -> None:
    """Difference and both score intervals are the oracle's, a regression being negative."""
    pairs = pairs_of(row)
    assert pairs.difference == pytest.approx(row["theta"], abs=EXACT)
    assert bounds(tango(pairs, confidence=0.95)) == pytest.approx(row["tango_ci95"], abs=SEARCHED)
    assert bounds(tango(pairs)) == pytest.approx(row["tango_ci90"], abs=SEARCHED)


@pytest.mark.parametrize("row", ORACLES["paired"], ids=lambda row: row["name"])
def test_mcnemar_oracle(row: dict[str, Any]) -> None:
    """Exact and mid-p test are the oracle's."""
    assert mcnemar_exact(row["broke"], row["fixed"]) == pytest.approx(row["mcnemar_exact_p"], abs=EXACT)
    assert mcnemar_midp(row["broke"], row["fixed"]) == pytest.approx(row["mcnemar_midp"], abs=EXACT)


@pytest.mark.parametrize("row", ORACLES["paired"], ids=lambda row: row["name"])
def test_noninferiority_oracle(row: dict[str, Any]) -> None:
    """The test at each margin is the oracle's, which maximised the likelihood numerically."""
    for margin, expected in row["noninferiority"].items():
        found = noninferiority(pairs_of(row), margin=float(margin))
        assert found.z == pytest.approx(expected["z"], abs=SEARCHED)
        assert found.p == pytest.approx(expected["p_one_sided"], rel=SEARCHED)


def test_published_values() -> None:
    """Tango's own example and Fagerland's come out as printed in their papers."""
    lens = noninferiority(Pairs(broke=1, fixed=0, n=44), margin=0.1)
    assert (round(lens.z, 3), round(lens.p, 3)) == (1.709, 0.044)
    interval = tango(Pairs(broke=1, fixed=7, n=21), confidence=0.95)
    assert bounds(interval) == pytest.approx((0.026, 0.517), abs=5e-4)
    assert mcnemar_exact(1, 7) == pytest.approx(0.070, abs=5e-4)
    assert mcnemar_midp(1, 7) == pytest.approx(0.039, abs=5e-4)


@given(tables())
def test_interval_and_test_agree(pairs: Pairs) -> None:
    """The 90 % interval lies above minus the margin exactly where the test says p < 0.05."""
    low = tango(pairs).low
    for margin in (0.02, 0.05, 0.1):
        if abs(low + margin) > SEARCHED:
            assert (low > -margin) == (noninferiority(pairs, margin=margin).p < 0.05)


@given(tables())
def test_interval_holds_estimate_and_mirrors(pairs: Pairs) -> None:
    """The interval holds its estimate, stays in -1 to 1, and mirrors where the models change places."""
    found = tango(pairs)
    mirrored = tango(Pairs(broke=pairs.fixed, fixed=pairs.broke, n=pairs.n))
    assert -1 <= found.low <= found.estimate <= found.high <= 1
    assert (-mirrored.high, -mirrored.low) == pytest.approx(bounds(found), abs=EXACT)


@settings(max_examples=60)
@given(tables(most=400), st.floats(-0.9, 0.9))
def test_restricted_variance_is_a_maximum(pairs: Pairs, difference: float) -> None:
    """The closed form is where scipy finds the restricted likelihood's maximum."""
    broke, fixed, alike = pairs.broke, pairs.fixed, pairs.n - pairs.broke - pairs.fixed

    def loss(chance: float) -> float:
        cells = (chance, chance + difference, 1 - 2 * chance - difference)
        counts = (broke, fixed, alike)
        return -sum(
            count * float(np.log(max(cell, 1e-300))) for cell, count in zip(cells, counts, strict=True)
        )

    low, high = max(0.0, -difference), (1 - difference) / 2
    found = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    closed = (restricted_variance(pairs, difference) - difference * (1 - difference)) / 2
    assert low - EXACT <= closed <= high + EXACT
    assert loss(min(high, max(low, closed))) <= found.fun + 1e-6 * max(1.0, abs(found.fun))


@given(tables(), DIFFERENCES, DIFFERENCES)
def test_statistic_falls(pairs: Pairs, one: float, other: float) -> None:
    """The larger the supposed difference, the smaller the statistic: so each bound is one root."""
    assert tango_z(pairs, min(one, other)) >= tango_z(pairs, max(one, other)) - SEARCHED


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_exact_statsmodels(broke: int, fixed: int) -> None:
    """The exact test is statsmodels'."""
    expected = mcnemar([[5, broke], [fixed, 5]], exact=True).pvalue if broke + fixed else 1.0
    assert mcnemar_exact(broke, fixed) == pytest.approx(float(expected), rel=1e-9, abs=1e-300)


@given(st.integers(0, 900), st.integers(0, 900))
def test_mcnemar_midp_scipy(broke: int, fixed: int) -> None:
    """The mid-p is the exact p less the chance of the very table (Fagerland's definition, by scipy)."""
    binomial, fewer = scipy_stats.binom(broke + fixed, 0.5), min(broke, fixed)
    expected = 2 * (binomial.cdf(fewer) - binomial.pmf(fewer) / 2)
    assert mcnemar_midp(broke, fixed) == pytest.approx(float(expected), rel=1e-8, abs=1e-300)


def test_fewest_discordant_cases() -> None:
    """Six cases that broke with none fixed are the fewest that the exact test calls a drop; five by mid-p."""
    row = ORACLES["regression_min_discordant"]
    assert next(b for b in range(100) if mcnemar_exact(b, 0) < 0.05) == row["mcnemar_exact"]
    assert next(b for b in range(100) if mcnemar_midp(b, 0) < 0.05) == row["midp"]


def false_safe(n: int, discordance: float, margin: float) -> float:
    """Return how often the test calls a model safe that is worse by the margin, summed over every table."""
    broke, fixed = (discordance + margin) / 2, (discordance - margin) / 2
    multinomial = scipy_stats.multinomial(n, [broke, fixed, 1 - broke - fixed])
    cells = [
        (b, c, n - b - c)
        for b in range(n + 1)
        for c in range(n + 1 - b)
        if abs(b - n * broke) < 9 * (n * broke) ** 0.5 + 9 and abs(c - n * fixed) < 9 * (n * fixed) ** 0.5 + 9
    ]
    chances = multinomial.pmf(np.array(cells))
    safe = [noninferiority(Pairs(broke=b, fixed=c, n=n), margin=margin).p < 0.05 for b, c, _ in cells]
    return float(chances[np.array(safe)].sum())


@pytest.mark.parametrize("row", ORACLES["ni_size_exact"][:2], ids=lambda row: f"n={row['n']}")
def test_size_is_exact(row: dict[str, Any]) -> None:
    """How often a model at the margin passes is the exact figure, below the nominal five per cent."""
    found = false_safe(row["n"], row["discordance"], row["margin"])
    assert found == pytest.approx(row["tango_size"], abs=5e-5)


@pytest.mark.parametrize(("broke", "fixed", "n"), [(1, 1, 1), (-1, 0, 5), (0, 0, 0)])
def test_pairs_refuse(broke: int, fixed: int, n: int) -> None:
    """Counts that contradict each other are no table."""
    with pytest.raises(ValueError, match="no pairs"):
        Pairs(broke=broke, fixed=fixed, n=n)


@pytest.mark.parametrize("margin", [0.0, -0.05, 5.0])
def test_margin_is_a_share(margin: float) -> None:
    """A margin of 5 (per cent) or of nothing is a mistake and says so."""
    with pytest.raises(ValueError, match="no margin"):
        noninferiority(Pairs(broke=0, fixed=0, n=10), margin=margin)

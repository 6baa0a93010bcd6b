from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from pytest_llmupgrade.stats import quantile, quantile_interval, quantile_ranks, wilson
from pytest_llmupgrade.stats.distributions import student_upper_tail, two_sided_t, two_sided_z
from tests.stats.oracles import EXACT, ORACLES

CONFIDENCE = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@pytest.mark.parametrize("row", ORACLES["one_proportion"])
def test_wilson_oracle(row: dict[str, Any]) -> None:
    """The interval of an accuracy is statsmodels' Wilson interval."""
    found = wilson(row["k"], row["n"])
    assert (found.low, found.high) == pytest.approx(row["wilson"], abs=EXACT)
    assert found.estimate == row["p"]


@given(st.integers(1, 5000), st.data(), CONFIDENCE)
def test_wilson_statsmodels(judged: int, data: st.DataObject, confidence: float) -> None:
    """For any counts and confidence the interval is statsmodels', and holds its estimate."""
    passed = data.draw(st.integers(0, judged))
    found = wilson(passed, judged, confidence=confidence)
    expected = proportion_confint(passed, judged, alpha=1 - confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx(expected, abs=EXACT)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


@pytest.mark.parametrize(("passed", "judged"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_refuses(passed: int, judged: int) -> None:
    """Counts that are no proportion raise instead of giving a number."""
    with pytest.raises(ValueError, match="no proportion"):
        wilson(passed, judged)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.floats(0, 1))
def test_quantile_numpy(values: list[float], share: float) -> None:
    """A quantile is what numpy says by default."""
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), rel=1e-9, abs=1e-9)


def test_quantile_of_nothing() -> None:
    """Nothing has no quantile."""
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_p95_ranks_oracle() -> None:
    """The p95 of a thousand latencies lies between the ranks that the binomial gives."""
    row = ORACLES["p95_order_stat_ci"]
    assert quantile_ranks(row["n"], row["q"]) == tuple(row["ranks_1based"])


@given(st.integers(1, 2000), st.floats(0.01, 0.99), CONFIDENCE)
def test_ranks_scipy(count: int, share: float, confidence: float) -> None:
    """Whatever ranks are given hold the quantile at least as often as the confidence says."""
    ranks = quantile_ranks(count, share, confidence=confidence)
    if ranks is None:
        return
    binomial = scipy_stats.binom(count, share)
    assert 1 <= ranks[0] <= ranks[1] <= count
    assert binomial.cdf(ranks[1] - 1) - binomial.cdf(ranks[0] - 1) >= confidence - EXACT


@pytest.mark.parametrize(("count", "known"), [(5, False), (71, False), (72, True)])
def test_few_values_bound_no_p95(count: int, known: bool) -> None:  # noqa: FBT001  a table's column
    """A p95 has an upper bound only from 72 values on (0.95^n <= 2.5 %): fewer give none, never a wrong one."""
    found = quantile_interval([float(value) for value in range(count)], 0.95)
    assert (found is not None) is known


def test_quantile_interval_is_made_of_values() -> None:
    """The bounds are values that were seen, whatever the order in which they came."""
    values = [float(value) for value in range(1000)]
    found = quantile_interval(values[::-1], 0.95)
    assert found is not None
    assert (found.low, found.high) == (935.0, 963.0)
    assert found.estimate == pytest.approx(949.05)


@given(st.one_of(st.integers(1, 2_000_000), st.floats(0.5, 200)), CONFIDENCE)
def test_student_quantile_scipy(df: float, confidence: float) -> None:
    """Student's quantile is scipy's for few and for many degrees of freedom."""
    expected = float(scipy_stats.t.ppf((1 + confidence) / 2, df))
    assert two_sided_t(confidence, df) == pytest.approx(expected, rel=1e-9)


@given(st.floats(-50, 50), st.floats(0.5, 5000))
def test_student_tail_scipy(t: float, df: float) -> None:
    """Student's tail is scipy's on both sides."""
    assert student_upper_tail(t, df) == pytest.approx(float(scipy_stats.t.sf(t, df)), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 95.0])
def test_confidence_is_a_share(confidence: float) -> None:
    """A confidence of 95 is a mistake and says so."""
    with pytest.raises(ValueError, match="no confidence"):
        two_sided_z(confidence)


def test_no_degrees_of_freedom() -> None:
    """One value has no spread, so there is no quantile."""
    with pytest.raises(ValueError, match="no degrees of freedom"):
        two_sided_t(0.95, 0)

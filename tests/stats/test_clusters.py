from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.regression.linear_model import OLS, WLS

from pytest_llmupgrade.stats import (
    Pairs,
    clustered_mean,
    pass_at_k,
    pass_hat_k,
    repeated_difference,
    tango,
    weighted_difference,
)
from tests.stats.oracles import EXACT, ORACLES

CASES = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=6), min_size=2, max_size=30)


def test_repeats_oracle() -> None:
    """The difference of repeated cases has the t interval of the per-case means."""
    row = ORACLES["repeats"]
    found = clustered_mean([[value] for value in row["diff_per_case"]])
    interval = found.interval()
    assert (found.mean, found.se, found.df) == pytest.approx(
        (row["mean_diff"], row["se_clustered"], row["df"]), abs=EXACT
    )
    assert (interval.low, interval.high) == pytest.approx(row["t_ci95"], abs=EXACT)


def test_accuracy_of_repeats_oracle() -> None:
    """Four completions of twelve cases know less than 48 cases."""
    row = ORACLES["repeats"]
    found = clustered_mean(row["new"])
    assert (found.mean, found.se) == pytest.approx((row["acc_new"], row["acc_new_se_clustered"]), abs=EXACT)
    assert found.se > row["acc_new_se_naive_wrong"]


def test_unequal_clusters_oracle() -> None:
    """Cases with different numbers of completions are weighed by them."""
    row = ORACLES["clusters_unequal"]
    found = clustered_mean(row["clusters"])
    assert (found.mean, found.se) == pytest.approx((row["mean"], row["se_clustered"]), abs=EXACT)


@given(CASES)
def test_clusters_statsmodels(cases: list[list[int]]) -> None:
    """For any clusters the error is that of statsmodels' clustered covariance."""
    values = np.array([value for case in cases for value in case], dtype=float)
    groups = np.array([index for index, case in enumerate(cases) for _ in case])
    found = clustered_mean(cases)
    assert found.mean == pytest.approx(values.mean())
    if len(values) < 2:
        return
    fit = OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    expected = float(fit.cov_params()[0, 0]) * len(cases) / (len(cases) - 1)
    assert found.se**2 == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_one_value_per_case_is_students(values: list[float]) -> None:
    """With one value per case the interval is the textbook's."""
    found = clustered_mean([[value] for value in values])
    assert found.se == pytest.approx(float(scipy_stats.sem(values)), abs=1e-12)


def test_one_case_has_no_spread() -> None:
    """One case, however often it was asked, has no interval."""
    with pytest.raises(ValueError, match="no spread"):
        clustered_mean([[1, 0, 1], []])


@pytest.mark.parametrize("row", ORACLES["pass_k"])
def test_pass_k_oracle(row: dict[str, Any]) -> None:
    """pass@k and pass^k are the oracle's."""
    drawn = row["n"], row["c"], row["k"]
    assert pass_at_k(*drawn) == pytest.approx(row["pass_at_k"], abs=EXACT)
    assert pass_hat_k(*drawn) == pytest.approx(row["pass_hat_k"], abs=EXACT)


@given(st.integers(1, 8), st.data())
def test_pass_k_counts_draws(completions: int, data: st.DataObject) -> None:
    """Both are plain counts over every choice of k completions."""
    passed, k = data.draw(st.integers(0, completions)), data.draw(st.integers(1, completions))
    draws = list(combinations([True] * passed + [False] * (completions - passed), k))
    assert pass_at_k(completions, passed, k) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert pass_hat_k(completions, passed, k) == pytest.approx(sum(map(all, draws)) / len(draws))


@pytest.mark.parametrize(("completions", "passed", "k"), [(3, 4, 1), (3, 1, 4), (3, 1, 0), (0, 0, 1)])
def test_pass_k_refuses(completions: int, passed: int, k: int) -> None:
    """More draws than completions is a mistake, not a zero."""
    with pytest.raises(ValueError, match="completions"):
        pass_at_k(completions, passed, k)


CHANGES = st.lists(
    st.tuples(st.sampled_from([-1, 0, 0, 0, 1]), st.floats(0.1, 1000)), min_size=2, max_size=60
)


@given(CHANGES)
def test_weighted_estimate_statsmodels(cases: list[tuple[int, float]]) -> None:
    """The estimate is the weighted mean; no interval is narrower than Tango's at the effective size seen."""
    changes, weights = [change for change, _ in cases], [weight for _, weight in cases]
    found = weighted_difference(changes, weights)
    fit = WLS(changes, np.ones(len(cases)), weights=weights).fit(cov_type="HC1")
    assert found.estimate == pytest.approx(float(fit.params[0]), abs=EXACT)
    assert found.low <= found.estimate <= found.high
    variance = float(fit.cov_params()[0, 0])
    if variance > EXACT:
        share = [weight / math.fsum(weights) for weight in weights]
        broke = math.fsum(s for s, change in zip(share, changes, strict=True) if change < 0)
        fixed = math.fsum(s for s, change in zip(share, changes, strict=True) if change > 0)
        size = (broke + fixed - found.estimate**2) / variance
        same = tango(Pairs(broke=broke * size, fixed=fixed * size, n=size))
        assert found.low <= same.low + 1e-6
        assert found.high >= same.high - 1e-6


@example([-1] * 5, 0.01)  # five fifths do not add up to one
@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=2, max_size=80), st.floats(0.01, 100))
def test_equal_weights_change_little(changes: list[int], weight: float) -> None:
    """Equal weights give Tango's interval at n - 1 or n cases, whatever the weight."""
    found = weighted_difference(changes, [weight] * len(changes))
    broke, fixed, n = changes.count(-1), changes.count(1), len(changes)
    size = n if broke + fixed == 0 or n in (broke, fixed) else n - 1
    same = tango(Pairs(broke=broke * size / n, fixed=fixed * size / n, n=size))
    assert (found.low, found.high) == pytest.approx((same.low, same.high), abs=1e-6)


def test_no_discordant_case_still_leaves_doubt() -> None:
    """Where nothing changed, few or very unequal cases still have a wide interval: never 'safe' by silence."""
    even = weighted_difference([0] * 50, [1.0] * 50)
    uneven = weighted_difference([0] * 50, [1000.0] + [1.0] * 49)
    assert even.low == pytest.approx(-0.0513331857, abs=1e-6)
    assert uneven.low < -0.5


def test_repeated_difference_is_the_t_interval() -> None:
    """Repeated cases, where they are not very few, have the t interval of their mean differences."""
    changes = ORACLES["repeats"]["diff_per_case"] * 4
    same = clustered_mean([[change] for change in changes]).interval(0.9)
    found = repeated_difference(changes, [1.0] * len(changes))
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (same.estimate, same.low, same.high), abs=EXACT
    )


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60), st.floats(0.5, 0.99))
def test_repeats_without_spread_still_leave_doubt(changes: list[float], confidence: float) -> None:
    """However alike the cases are, the interval is no narrower than that of as many cases that all agree."""
    found = repeated_difference(changes, [1.0] * len(changes), confidence=confidence)
    floor = tango(Pairs(broke=0, fixed=0, n=len(changes)), confidence=confidence)
    assert found.low <= max(-1.0, found.estimate + floor.low + EXACT)
    assert found.high >= min(1.0, found.estimate + floor.high - EXACT)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.1, 50)), min_size=2, max_size=40))
def test_repeated_and_weighted_statsmodels(cases: list[tuple[float, float]]) -> None:
    """The weighted mean is statsmodels', and the interval is never narrower than its robust one."""
    changes, weights = [change for change, _ in cases], [weight for _, weight in cases]
    found = repeated_difference(changes, weights)
    fit = WLS(changes, np.ones(len(cases)), weights=weights).fit(cov_type="HC1")
    assert found.estimate == pytest.approx(float(fit.params[0]), abs=EXACT)
    half = scipy_stats.t.ppf(0.95, len(cases) - 1) * math.sqrt(max(0.0, float(fit.cov_params()[0, 0])))
    assert found.low <= max(-1.0, found.estimate - half) + 1e-7
    assert found.high >= min(1.0, found.estimate + half) - 1e-7


@pytest.mark.parametrize(
    ("changes", "weights"),
    [
        ([0, 1], [1.0]),
        ([], []),
        ([0, 1], [1.0, -1.0]),
        ([0, 1], [0.0, 0.0]),
        ([0, 2], [1.0, 1.0]),
        ([0], [math.inf]),
    ],
)
def test_weights_refuse(changes: list[int], weights: list[float]) -> None:
    """Weights that weigh nothing, and changes that are none, raise."""
    with pytest.raises(ValueError, match=r"weights|difference"):
        weighted_difference(changes, weights)

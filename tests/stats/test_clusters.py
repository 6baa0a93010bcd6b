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


@pytest.mark.parametrize(("times", "near"), [(4, 0.015), (400, 1e-4)])
def test_repeated_difference_is_nearly_the_t_interval(times: int, near: float) -> None:
    """Repeated cases have the t interval of their mean differences or a wider one; of many, nearly the same."""
    changes = ORACLES["repeats"]["diff_per_case"] * times
    same = clustered_mean([[change] for change in changes]).interval(0.9)
    found = repeated_difference(changes, [1.0] * len(changes))
    assert found.estimate == pytest.approx(same.estimate, abs=EXACT)
    assert same.low - near <= found.low <= same.low + EXACT
    assert same.high - EXACT <= found.high <= same.high + near


SAME_AGAIN = st.lists(
    st.tuples(st.sampled_from([-1, 0, 0, 0, 1]), st.sampled_from([1.0, 1.0, 3.0, 40.0])),
    min_size=1,
    max_size=120,
)


@example([(-1, 1.0)] * 2 + [(0, 1.0)] * 98, 0.9)  # once [-5.9, +0.7]; the t interval would be [-4.4, +0.4]
@given(SAME_AGAIN, st.floats(0.5, 0.99))
def test_the_same_answer_again_makes_nobody_surer(cases: list[tuple[int, float]], confidence: float) -> None:
    """Completions that all agree with their case's first tell what the first told: no bound moves inwards."""
    changes, weights = [change for change, _ in cases], [weight for _, weight in cases]
    again = repeated_difference(changes, weights, confidence=confidence)
    once = weighted_difference(changes, weights, confidence=confidence)
    if len(set(weights)) == 1:
        pairs = Pairs(broke=changes.count(-1), fixed=changes.count(1), n=len(changes))
        once = tango(pairs, confidence=confidence)
    assert again.low <= once.low + EXACT
    assert again.high >= once.high - EXACT


@pytest.mark.parametrize("margin", [0.02, 0.05])
@pytest.mark.parametrize("n", [60, 100, 120, 200, 300])
def test_repeats_at_the_margin_are_falsely_safe_no_oftener(n: int, margin: float) -> None:
    """A model that breaks cases for good, by exactly the margin, is called SAFE as often as if asked once."""
    once = repeated = 0.0
    for broke in range(n // 5):
        chance = float(scipy_stats.binom.pmf(broke, n, margin))
        once += chance * (tango(Pairs(broke=broke, fixed=0, n=n)).low > -margin)
        again = repeated_difference([-1] * broke + [0] * (n - broke), [1.0] * n)
        repeated += chance * (again.low > -margin)
    assert repeated <= once + EXACT


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

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.regression.linear_model import WLS

from pytest_llmupgrade.stats import ratio_of_means, ratios, typical_ratio
from tests.stats.oracles import EXACT, ORACLES

ROW = ORACLES["cost_ratio"]
MEASURES = st.floats(0.001, 1000)


def test_cost_ratio_oracle() -> None:
    """Ratio of mean costs and its interval are the oracle's."""
    found = ratio_of_means(ROW["new"], ROW["old"])
    assert found is not None
    assert found.estimate == pytest.approx(ROW["ratio_of_means"], abs=EXACT)
    assert (found.low, found.high) == pytest.approx(ROW["ci95_t"], abs=EXACT)


def test_latency_ratio_oracle() -> None:
    """The typical latency ratio and its interval are the oracle's."""
    found = typical_ratio(ROW["new"], ROW["old"])
    assert found is not None
    assert (found.estimate, found.low, found.high) == pytest.approx(ROW["hodges_lehmann_ratio"], abs=EXACT)


@given(st.lists(st.tuples(MEASURES, MEASURES), min_size=2, max_size=40))
def test_delta_method_numpy(pairs: list[tuple[float, float]]) -> None:
    """The error of the log ratio is the delta method's, written out with numpy's covariance."""
    new, old = np.array(pairs).T
    found = ratio_of_means(list(new), list(old))
    assert found is not None
    relative = np.cov(new, old) / np.outer([new.mean(), old.mean()], [new.mean(), old.mean()])
    variance = float(relative[0, 0] + relative[1, 1] - 2 * relative[0, 1]) / len(pairs)
    half = float(scipy_stats.t.ppf(0.975, len(pairs) - 1)) * math.sqrt(max(0.0, variance))
    assert math.log(found.high / found.estimate) == pytest.approx(half, rel=1e-6, abs=1e-6)
    assert math.log(found.estimate / found.low) == pytest.approx(half, rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(MEASURES, MEASURES, st.floats(0.1, 50)), min_size=2, max_size=40))
def test_weighted_delta_method_statsmodels(rows: list[tuple[float, float, float]]) -> None:
    """The weighted ratio is that of numpy's weighted means, its error that of statsmodels' robust regression."""
    new, old, weights = np.array(rows).T
    found = ratio_of_means(list(new), list(old), weights=list(weights))
    assert found is not None
    means = np.average(new, weights=weights), np.average(old, weights=weights)
    assert found.estimate == pytest.approx(means[0] / means[1])
    fit = WLS(new / means[0] - old / means[1], np.ones(len(new)), weights=weights).fit(cov_type="HC1")
    half = float(scipy_stats.t.ppf(0.975, len(new) - 1)) * math.sqrt(max(0.0, float(fit.cov_params()[0, 0])))
    assert math.log(found.high / found.estimate) == pytest.approx(half, rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(MEASURES, MEASURES), min_size=6, max_size=40))
def test_walsh_averages_listed(pairs: list[tuple[float, float]]) -> None:
    """The search finds what sorting all Walsh averages would."""
    found = typical_ratio([new for new, _ in pairs], [old for _, old in pairs])
    logs = [math.log(new / old) for new, old in pairs]
    walsh = sorted((a + b) / 2 for i, a in enumerate(logs) for b in logs[i:])
    rank = ratios._walsh_rank(len(logs), 0.95)
    assert found is not None
    assert rank is not None
    assert math.log(found.estimate) == pytest.approx(float(np.median(walsh)), abs=1e-9)
    assert math.log(found.low) == pytest.approx(walsh[rank - 1], abs=1e-9)
    assert math.log(found.high) == pytest.approx(walsh[-rank], abs=1e-9)


@settings(max_examples=60)
@given(st.lists(st.floats(-5, 5), min_size=6, max_size=30, unique_by=abs))
def test_interval_is_wilcoxons(logs: list[float]) -> None:
    """A ratio of 1 lies outside the interval exactly where scipy's signed-rank test rejects it."""
    if min(map(abs, logs)) < 1e-6:
        return
    found = typical_ratio([math.exp(value) for value in logs], [1.0] * len(logs))
    p = float(scipy_stats.wilcoxon(logs, method="exact").pvalue)
    assert found is not None
    if min(abs(math.log(found.low)), abs(math.log(found.high))) > 1e-9:
        assert (found.low > 1 or found.high < 1) == (p <= 0.05)


def test_oracle_rank() -> None:
    """The oracle's rank of the bounding Walsh average is found."""
    assert ratios._walsh_rank(len(ROW["new"]), 0.95) == ROW["walsh_k"]


def test_rank_changes_smoothly() -> None:
    """Where the exact rank gives way to the approximation, there is no jump."""
    ranks = [ratios._walsh_rank(count, 0.95) or 0 for count in range(45, 57)]
    steps = [later - earlier for earlier, later in pairwise(ranks)]
    assert max(steps) - min(steps) <= 5
    assert min(steps) > 0


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_pairs_give_no_interval(count: int) -> None:
    """Five pairs cannot bound a ratio at 95 %: there is none, rather than a wrong one."""
    assert typical_ratio([1.0] * count, [2.0] * count) is None


@pytest.mark.parametrize(
    ("new", "old"), [([], []), ([1.0], [2.0]), ([0.0, 0.0], [1.0, 1.0]), ([1.0, 1.0], [0.0, 0.0])]
)
def test_no_ratio_of_nothing(new: list[float], old: list[float]) -> None:
    """A free or single model has no cost ratio."""
    assert ratio_of_means(new, old) is None


def test_pairs_must_match() -> None:
    """Values that are no pairs raise; a latency of zero has no logarithm."""
    with pytest.raises(ValueError, match="must be pairs"):
        ratio_of_means([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="above zero"):
        typical_ratio([0.0] * 9, [1.0] * 9)

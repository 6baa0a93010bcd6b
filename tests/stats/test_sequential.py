"""Evidence that may be read after each request."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from pytest_llmupgrade.stats.sequential import (
    Failing,
    log_e_excluded,
    log_e_harm,
    log_e_mismatch,
    log_e_share,
    mean_bounds,
    ratio_bounds,
    units_needed,
)
from tests.stats.oracles import EXACT, ORACLES

SHARES = st.floats(0.01, 0.99)


def failing(rows: list[list[float]]) -> list[Failing]:
    """Return an oracle's steps."""
    return [Failing(share, int(new), int(old)) for share, new, old in rows]


@pytest.mark.parametrize("row", ORACLES["e_process"]["cases"], ids=lambda row: row["name"])
def test_e_process_oracle(row: dict[str, float]) -> None:
    """Evidence of harm and of its absence, and the bounds of the ratio, are the reference's."""
    found = failing(row["stages_w_badnew_badold"])  # type: ignore[arg-type]
    assert log_e_harm(found) == pytest.approx(row["log_e_harm_rr0_1"], rel=EXACT, abs=EXACT)
    assert log_e_harm(found, 1.25) == pytest.approx(row["log_e_harm_rr0_1.25"], rel=EXACT, abs=EXACT)
    assert log_e_excluded(found, 1.5) == pytest.approx(row["log_e_ok_rrmax_1.5"], rel=EXACT, abs=EXACT)
    assert log_e_excluded(found, 2) == pytest.approx(row["log_e_ok_rrmax_2"], rel=EXACT, abs=EXACT)
    assert min(1, math.exp(-log_e_harm(found))) == pytest.approx(row["p_anytime_harm"], rel=EXACT, abs=EXACT)
    bounds = ratio_bounds(found)
    assert (bounds.low, bounds.high) == pytest.approx(row["rr_cs95"], rel=1e-6)


@pytest.mark.parametrize("row", ORACLES["simpson_pooling"])
def test_steps_are_strata(row: dict[str, object]) -> None:
    """Where pooling over steps would turn the ratio round, the bounds hold the true one."""
    found = failing(row["stages"])  # type: ignore[arg-type]
    bounds = ratio_bounds(found)
    assert (bounds.low, bounds.high) == pytest.approx(row["stratified_rr_cs95"], rel=1e-6)
    assert bounds.low <= row["true_RR"] <= bounds.high  # type: ignore[operator]
    assert log_e_harm(found) == pytest.approx(row["log_e_harm_stratified"], abs=1e-9)


@pytest.mark.parametrize("row", ORACLES["srm"])
def test_mismatch_oracle(row: dict[str, float]) -> None:
    """Evidence against the declared share of units is the reference's (whose lgamma is good to 1e-9)."""
    found = log_e_mismatch(int(row["n_new"]), int(row["n_old"]), row["w"])
    assert found == pytest.approx(row["log_e_dirichlet_conc1000"], abs=1e-9)


@pytest.mark.parametrize("row", ORACLES["asymp_cs"])
def test_mean_oracle(row: dict[str, float]) -> None:
    """The bounds of a mean are the reference's."""
    bounds = mean_bounds(
        row["est"], row["se"], int(row["n_total"]), alpha=row["alpha"], n_star=int(row["n_star"])
    )
    assert (bounds.low, bounds.high) == pytest.approx(row["ci"], abs=1e-12)


@pytest.mark.parametrize("row", ORACLES["abs_slo"])
def test_share_oracle(row: dict[str, float]) -> None:
    """Evidence on a share against a fixed limit is the reference's."""
    above, below = log_e_share(int(row["x"]), int(row["n"]), row["slo"])
    assert above == pytest.approx(row["log_e_harm"], abs=1e-9)
    assert below == pytest.approx(row["log_e_ok"], abs=1e-9)


@given(SHARES, st.integers(1, 60), st.floats(0.5, 4), st.floats(0.2, 1))
def test_a_bettor_gains_nothing_from_chance(share: float, n: int, ratio: float, milder: float) -> None:
    """On average a bet on harm returns its stake at the tested ratio, and less below it: false alarms are bounded."""
    for true, most in ((ratio, 1.0), (ratio * milder, 1.0)):
        of_new = share * true / (share * true + 1 - share)
        mean = sum(
            binom.pmf(new, n, of_new) * math.exp(log_e_harm([Failing(share, new, n - new)], ratio))
            for new in range(n + 1)
        )
        assert mean <= most + 1e-9
        assert true != ratio or mean == pytest.approx(1)


@given(SHARES, st.integers(1, 60), st.floats(0.5, 4))
def test_the_bet_on_exclusion_is_fair(share: float, n: int, max_ratio: float) -> None:
    """On average a bet that the largest ratio is excluded returns its stake where the true ratio is that one."""
    of_new = share * max_ratio / (share * max_ratio + 1 - share)
    mean = sum(
        binom.pmf(new, n, of_new) * math.exp(log_e_excluded([Failing(share, new, n - new)], max_ratio))
        for new in range(n + 1)
    )
    assert mean == pytest.approx(1)


@given(SHARES, st.integers(0, 3000), st.integers(0, 3000))
def test_mismatch_is_a_likelihood_ratio(share: float, new: int, old: int) -> None:
    """The evidence against the declared share is scipy's beta-binomial over scipy's binomial."""
    drawn = betabinom.logpmf(new, new + old, 1000 * share, 1000 * (1 - share))
    expected = drawn - binom.logpmf(new, new + old, share)
    assert log_e_mismatch(new, old, share) == pytest.approx(expected, abs=1e-6)


@given(SHARES, st.integers(0, 500), st.integers(0, 500))
def test_bounds_hold_the_estimate(share: float, new: int, old: int) -> None:
    """The bounds are in order, whatever failed, and nothing that failed leaves them open."""
    bounds = ratio_bounds([Failing(share, new, old)])
    assert 0 <= bounds.low <= bounds.estimate <= bounds.high
    if not new + old:
        assert (bounds.low, bounds.high) == (0, math.inf)


@pytest.mark.parametrize("row", ORACLES["sim_pass_ok"])
def test_the_need_is_of_the_right_size(row: dict[str, float]) -> None:
    """How many failing units are said to be needed lies between the simulated median and the 80 % quantile."""
    needed = units_needed(Failing(row["w"], 0, 0), row["rr_max"], math.log(20), ratio=row["true_RR"])
    assert needed is not None
    assert row["median_bad_events"] <= needed <= row["p80_bad_events"]


def test_no_number_of_units_excludes_the_truth() -> None:
    """A ratio that the new arm truly has is not excluded by any number of units."""
    assert units_needed(Failing(0.05, 0, 0), 1.5, math.log(20), ratio=1.5) is None
    assert units_needed(Failing(0.5, 0, 500), 1.5, math.log(20)) == 0

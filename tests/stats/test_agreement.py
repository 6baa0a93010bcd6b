from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa as statsmodels_kappa

from pytest_llmupgrade.stats import (
    Agreement,
    cohens_kappa,
    corrected_accuracy,
    rogan_gladen,
    sensitivity,
    specificity,
)
from tests.stats.oracles import EXACT, ORACLES

ROW: dict[str, Any] = ORACLES["judge"]
TABLE = Agreement(
    both_passed=ROW["tp"], only_judge_passed=ROW["fp"], only_human_passed=ROW["fn"], both_missed=ROW["tn"]
)
PASSED = round(ROW["judge_pass_rate"] * ROW["N"])
COUNTS = st.integers(0, 300)
TABLES = st.builds(
    Agreement, both_passed=COUNTS, only_judge_passed=COUNTS, only_human_passed=COUNTS, both_missed=COUNTS
)


def test_kappa_oracle() -> None:
    """Kappa, its error and its interval are the oracle's."""
    found = cohens_kappa(TABLE)
    assert found is not None
    assert (found.estimate, found.se) == pytest.approx((ROW["kappa"], ROW["kappa_se"]), abs=EXACT)
    assert (found.interval.low, found.interval.high) == pytest.approx(ROW["kappa_ci95"], abs=EXACT)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_kappa_statsmodels(a: int, b: int, c: int, d: int) -> None:
    """For any table with both labels kappa and its error are statsmodels'."""
    found = cohens_kappa(Agreement(both_passed=a, only_judge_passed=b, only_human_passed=c, both_missed=d))
    if found is None:
        assert not (a + b + c + d and (a + b or c + d) and min(a + b + c, b + c + d))
        return
    with np.errstate(all="ignore"):  # its z value divides by an error of zero
        expected = statsmodels_kappa(np.array([[a, c], [b, d]], dtype=float))
    assert found.estimate == pytest.approx(float(expected.kappa), abs=EXACT)
    assert found.se**2 == pytest.approx(float(expected.var_kappa), abs=EXACT)


def test_shares_oracle() -> None:
    """Sensitivity and specificity carry Wilson's interval."""
    for found, share, bounds in (
        (sensitivity(TABLE), ROW["sensitivity"], ROW["sens_wilson"]),
        (specificity(TABLE), ROW["specificity"], ROW["spec_wilson"]),
    ):
        assert found is not None
        assert found.estimate == pytest.approx(share, abs=EXACT)
        assert (found.low, found.high) == pytest.approx(bounds, abs=EXACT)


def test_corrected_accuracy_oracle() -> None:
    """The accuracy corrected by labelled answers is the oracle's, and surer than the labels alone."""
    found, expected = corrected_accuracy(TABLE, PASSED, ROW["N"]), ROW["ppi"]
    assert found is not None
    assert (found.estimate, found.se) == pytest.approx((expected["estimate"], expected["se"]), abs=EXACT)
    assert (found.interval.low, found.interval.high) == pytest.approx(expected["ci95"], abs=EXACT)
    assert found.se < expected["human_only_se"]


def test_rogan_gladen_oracle() -> None:
    """The accuracy corrected by the judge's error rates is the oracle's."""
    found = rogan_gladen(TABLE, PASSED, ROW["N"])
    assert found is not None
    assert (found.estimate, found.se) == pytest.approx(
        (ROW["rogan_gladen"], ROW["rogan_gladen_se"]), abs=EXACT
    )


@given(TABLES, st.integers(2, 1000), st.data())
def test_corrections_stay_shares(table: Agreement, judged: int, data: st.DataObject) -> None:
    """However bad the judge, a corrected accuracy is a share within its interval, or there is none."""
    passed = data.draw(st.integers(0, judged))
    for found in (corrected_accuracy(table, passed, judged), rogan_gladen(table, passed, judged)):
        if found is not None:
            assert 0 <= found.interval.low <= found.estimate <= found.interval.high <= 1
            assert found.se >= 0


def test_nothing_labelled_knows_nothing() -> None:
    """Without labels there is no figure at all."""
    empty = Agreement(both_passed=0, only_judge_passed=0, only_human_passed=0, both_missed=0)
    assert cohens_kappa(empty) is None
    assert sensitivity(empty) is specificity(empty) is None
    assert corrected_accuracy(empty, 5, 10) is rogan_gladen(empty, 5, 10) is None


def test_a_judge_that_guesses_corrects_nothing() -> None:
    """A judge no better than chance gives no corrected accuracy instead of a division by almost zero."""
    coin = Agreement(both_passed=20, only_judge_passed=20, only_human_passed=20, both_missed=20)
    assert rogan_gladen(coin, 50, 100) is None


def test_negative_counts_refused() -> None:
    """A count below zero is a mistake of the caller."""
    with pytest.raises(ValueError, match="below zero"):
        Agreement(both_passed=-1, only_judge_passed=0, only_human_passed=0, both_missed=0)

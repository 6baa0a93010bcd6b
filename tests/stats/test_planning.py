from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from pytest_llmupgrade.stats import (
    Pairs,
    cases_needed,
    cases_needed_for_drop,
    fewest_cases,
    holm,
    more_cases_needed,
    noninferiority,
    smallest_visible_drop,
    tango,
)
from tests.stats.oracles import EXACT, ORACLES


@pytest.mark.parametrize("row", ORACLES["sample_size_noninferiority"])
def test_cases_needed_oracle(row: dict[str, Any]) -> None:
    """The number of cases is the oracle's, whose exact power reaches the one that was asked for."""
    found = cases_needed(
        row["margin"],
        row["discordance"],
        true_difference=row["true_diff"],
        alpha=row["alpha_one_sided"],
        power=row["power"],
    )
    assert found == row["n_cases"]
    assert row.get("exact_power", row["power"]) >= row["power"]


@pytest.mark.parametrize(("margin", "row"), ORACLES["zero_discordance_cases_needed"].items())
def test_cases_needed_without_discordance(margin: str, row: dict[str, int]) -> None:
    """Models that never differ need so many cases, and that many are just enough for the test."""
    needed = cases_needed(float(margin), 0.0)
    assert needed == row["tango"]
    assert noninferiority(Pairs(broke=0, fixed=0, n=needed), margin=float(margin)).p < 0.05
    assert noninferiority(Pairs(broke=0, fixed=0, n=needed - 1), margin=float(margin)).p > 0.05


@pytest.mark.parametrize("row", ORACLES["sample_size_mcnemar"])
def test_cases_for_a_drop_oracle(row: dict[str, Any]) -> None:
    """The number of cases that show a drop is the oracle's."""
    found = cases_needed_for_drop(
        row["diff"], row["discordance"], alpha=row["alpha_two_sided"], power=row["power"]
    )
    assert found == row["n_cases"]


@given(st.floats(0.01, 0.2), st.floats(0.0, 0.5), st.floats(0.0, 1.0))
def test_a_true_drop_needs_more(margin: float, discordance: float, part: float) -> None:
    """The nearer the true drop to the margin, the more cases; at the margin no number helps."""
    drop = min(discordance, margin) * part
    none, some = cases_needed(margin, discordance), cases_needed(margin, discordance, true_difference=-drop)
    assert none is not None
    assert some is None or some >= none - 1
    assert cases_needed(margin, 0.5, true_difference=-margin) is None


def test_more_cases_needed() -> None:
    """An inconclusive run is told how many cases are missing by its discordance, not by the drop that it saw."""
    assert more_cases_needed(Pairs(broke=0, fixed=0, n=50), margin=0.05) == 2
    assert more_cases_needed(Pairs(broke=5, fixed=5, n=100), margin=0.05) == 274 - 100
    assert more_cases_needed(Pairs(broke=8, fixed=2, n=100), margin=0.05) == 274 - 100
    assert more_cases_needed(Pairs(broke=0, fixed=0, n=500), margin=0.05) == 0


@given(st.integers(0, 40), st.integers(0, 40), st.integers(80, 600), st.sampled_from([0.05, 0.03]))
def test_more_cases_are_enough(broke: int, fixed: int, n: int, alpha: float) -> None:
    """With so many more cases on which neither model is better, the margin is shown; none are asked for in vain."""
    pairs, margin = Pairs(broke=broke, fixed=fixed, n=n), 0.05
    more = more_cases_needed(pairs, margin=margin, alpha=alpha)
    assert more is not None
    half = more * pairs.discordance / 2
    later = Pairs(broke=broke + half, fixed=fixed + half, n=n + more)
    if pairs.difference >= 0 or more > 0:
        assert more == 0 or n + more >= fewest_cases(margin, alpha=alpha)
    if more == 0:
        assert noninferiority(pairs, margin=margin).p < alpha
    elif n >= (cases_needed(margin, pairs.discordance, alpha=alpha) or 0):
        assert noninferiority(later, margin=margin).p < alpha


@pytest.mark.parametrize(("margin", "row"), ORACLES["zero_discordance_cases_needed"].items())
def test_fewest_cases_oracle(margin: str, row: dict[str, int]) -> None:
    """No answers whatever on fewer cases can show the margin."""
    fewest = fewest_cases(float(margin))
    assert fewest == row["tango"]
    assert tango(Pairs(broke=0, fixed=0, n=fewest)).low > -float(margin)
    assert tango(Pairs(broke=0, fixed=0, n=fewest - 1)).low <= -float(margin)


@given(st.integers(4, 100_000), st.floats(0.0, 0.6))
def test_smallest_visible_drop_inverts(n: int, flip_rate: float) -> None:
    """The drop needs no more than these cases, and one a little smaller needs more."""
    drop = smallest_visible_drop(n, flip_rate)
    if drop is None:
        assert cases_needed_for_drop(1 - flip_rate, 1.0) > n
        return
    assert cases_needed_for_drop(drop, flip_rate + drop) <= n
    assert cases_needed_for_drop(drop * 0.999, flip_rate + drop * 0.999) >= n


def test_noise_hides_drops() -> None:
    """A hundred cases see a drop of eight points of a steady model, of twice that in noise; three cases none."""
    steady, noisy = smallest_visible_drop(100, 0.0), smallest_visible_drop(100, 0.2)
    assert steady == pytest.approx(0.0767, abs=0.001)
    assert noisy == pytest.approx(0.168, abs=0.005)
    assert smallest_visible_drop(3, 0.0) is None
    assert smallest_visible_drop(100, 1.0) is None


def test_a_drop_beyond_its_discordance_is_refused() -> None:
    """A drop cannot be larger than the share of cases that differ."""
    with pytest.raises(ValueError, match="a drop of"):
        cases_needed_for_drop(0.2, 0.1)


def test_holm_oracle() -> None:
    """Adjusted p values are the oracle's."""
    row = ORACLES["multiplicity"]
    assert holm(row["p"]) == pytest.approx(row["holm"], abs=EXACT)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_statsmodels(p_values: list[float]) -> None:
    """For any p values, in any order, the adjusted ones are statsmodels'."""
    expected = multipletests(p_values, method="holm")[1] if p_values else []
    assert list(holm(p_values)) == pytest.approx(list(expected), abs=EXACT)


def test_import_needs_the_standard_library_only() -> None:
    """Statistics cost a run no import beyond Python's own."""
    heavy = ["numpy", "scipy", "statsmodels", "pydantic", "genai_prices", "openai", "pytest"]
    program = f"import sys, pytest_llmupgrade.stats; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(  # noqa: S603  this interpreter, a fixed program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

"""How often the rule errs, summed over every possible table of cases: no simulation, no chance."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import convolve2d
from scipy.stats import multinomial

from pytest_llmupgrade.stats import Pairs, tango, tango_z
from pytest_llmupgrade.stats.distributions import normal_quantile
from pytest_llmupgrade.verdict import Rule
from tests.stats.oracles import ORACLES

Table = NDArray[np.float64]


def chances(n: int, broke: float, fixed: float) -> Table:
    """Return how likely so many broken (down) and fixed (across) cases are, by their shares."""
    counts = np.array([[(b, f, n - b - f) for f in range(n + 1)] for b in range(n + 1)])
    likely = multinomial.pmf(counts.reshape(-1, 3), n, (broke, fixed, 1 - broke - fixed))
    table: Table = np.nan_to_num(np.asarray(likely).reshape(n + 1, n + 1))
    return table


def safe(n: int, margin: float, alpha: float) -> Table:
    """Return for every table whether it lies above minus the margin, 1 or 0."""
    bound = normal_quantile(1 - alpha)
    return np.array(
        [
            [
                float(b + f <= n and tango_z(Pairs(broke=b, fixed=f, n=n), -margin) > bound)
                for f in range(n + 1)
            ]
            for b in range(n + 1)
        ]
    )


def false_safe(n: int, discordance: float, margin: float, alpha: float) -> float:
    """Return how often a model that is worse by the margin is called safe at either of two looks, n cases each."""
    once = chances(n, (discordance + margin) / 2, (discordance - margin) / 2)
    first = safe(n, margin, alpha)
    seen_twice = convolve2d(once * (1 - first), once)
    return float((once * first).sum() + (seen_twice * safe(2 * n, margin, alpha)).sum())


@pytest.mark.parametrize(("discordance", "margin"), [(0.1, 0.05), (0.2, 0.05), (0.06, 0.03)])
def test_two_looks_keep_the_error_of_one(discordance: float, margin: float) -> None:
    """Two planned looks call a model at the margin safe in at most one of twenty upgrades; two of one look's would not."""
    assert false_safe(60, discordance, margin, Rule(looks=2).alpha) <= 0.05
    assert false_safe(60, discordance, margin, Rule(looks=1).alpha) > 0.055
    simulated = {
        row["alpha_each_look"]: row["false_safe"]
        for row in ORACLES["sim_two_look_retest"]
        if (row["discordance"], row["margin"]) == (discordance, margin)
    }
    assert simulated[Rule(looks=2).alpha] <= 0.05 < simulated[Rule(looks=1).alpha]


@pytest.mark.parametrize(
    "row", [row for row in ORACLES["coverage_exact"] if row["n"] <= 50], ids=lambda row: row["n"]
)
def test_how_often_the_interval_holds_the_truth(row: dict[str, float]) -> None:
    """The 95 % interval holds the true difference exactly as often as the oracle says (to its four digits)."""
    n, theta = int(row["n"]), row["theta"]
    likely = chances(n, (row["discordance"] - theta) / 2, (row["discordance"] + theta) / 2)
    held = sum(
        likely[b, f]
        for b in range(n + 1)
        for f in range(n + 1 - b)
        if likely[b, f] > 1e-9 and _holds(Pairs(broke=b, fixed=f, n=n), theta)
    )
    assert held == pytest.approx(row["tango"], abs=1e-4)


def _holds(pairs: Pairs, theta: float) -> bool:
    interval = tango(pairs, confidence=0.95)
    return interval.low <= theta <= interval.high

"""How often the gate errs: a small, seeded version of benchmarks/gate.py."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.rollout.gate import read_step
from pytest_llmupgrade.rollout.sides import Arms, Side
from tests.rollout.counting import DAY_MS, NOW_MS
from tests.rollout.making import rollout
from tests.rollout.rates import (
    Many,
    Rule,
    alone,
    cost_findings,
    ever,
    finding,
    firsts,
    mismatched,
    sticky,
    within,
)

ALONE = rollout(
    ("  slow:  {type: event, threshold_ms: 2400}\n", ""),
    ("  bad:   {type: event, source: rating}\n", ""),
    ("  cost_usd: {type: mean, max_ratio: 3.0, role: signal}\n", ""),
)

MANY = Many(rollouts=400, failing=600, seed=1)


def noise(share: float) -> float:
    """Return two standard errors of a share among MANY rollouts; benchmarks/gate.py has enough of them to do without."""
    return 2 * math.sqrt(share * (1 - share) / MANY.rollouts)


@given(st.integers(0, 60), st.integers(0, 400), st.integers(400, 20_000))
def test_nothing_but_failing_units_decides(new: int, old: int, units: int) -> None:
    """What the simulations ask is what the whole gate says, whatever else was counted."""
    counted = Side(requests=3 * units, units=units, first_ms=NOW_MS - 2 * DAY_MS, last_ms=NOW_MS)
    arms = Arms(
        share=0.05,
        new=replace(counted, failed={"error": new}),
        old=replace(counted, failed={"error": old}, units=19 * units),
    )
    reading = read_step(ALONE, arms, now_ms=NOW_MS, percent=5)
    assert reading.finding == finding(Rule(0.05, 3.0, 1), new, old)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
def test_false_rollbacks(share: float) -> None:
    """Where the arms do alike, no more than 1 % of rollouts are rolled back, though each event is looked at."""
    assert ever(firsts(Rule(share), 1, "harm", MANY)) <= 0.01 + noise(0.01)


def test_harm_is_caught_soon() -> None:
    """Three times the failures at 5 % of the traffic are caught within 900 requests of the new arm in 80 % of rollouts."""
    assert within(firsts(Rule(0.05), 3, "harm", MANY), 0.8) <= 900


@pytest.mark.parametrize(("share", "max_ratio"), [(0.05, 3), (0.25, 1.5), (0.5, 1.25)])
def test_false_go(share: float, max_ratio: float) -> None:
    """An arm that is worse by exactly the step's largest ratio passes in at most 5 % of rollouts."""
    rule = Rule(share, max_ratio)
    assert ever(firsts(rule, max_ratio, "pass", MANY)) <= 0.05 + noise(0.05)


def test_a_fixed_limit_alone() -> None:
    """At 100 % an arm that fails just as often as max_share allows is rarely rolled back, one that fails twice as often soon."""
    rng = np.random.default_rng(1)
    at_the_limit = [alone(0.05, 0.05, most=4_000, metrics=1, rng=rng) for _ in range(200)]
    assert ever(at_the_limit) <= 0.01 + 2 * math.sqrt(0.01 * 0.99 / 200)
    assert within([alone(0.05, 0.1, most=4_000, metrics=4, rng=rng) for _ in range(60)], 0.8) <= 600


def test_sticky_users() -> None:
    """Users who fail twenty times each raise no more false alarms than if they failed once."""
    rng = np.random.default_rng(1)
    found = [sticky(Rule(0.05), users=40, times=20, rng=rng) for _ in range(60)]
    assert sum(counted for counted, _ in found) <= 1
    assert sum(naive for _, naive in found) >= 10


def test_cost() -> None:
    """A mean that is worse by exactly its largest ratio is rarely called harm, and rarely excluded."""
    rng = np.random.default_rng(1)
    looks = [set(cost_findings(Rule(0.25), 1.25, most=20_000, every=1_000, rng=rng)) for _ in range(60)]
    assert sum("harm" in found for found in looks) <= 1
    assert sum("pass" in found for found in looks) <= 3


def test_traffic() -> None:
    """Units that fall as declared are not called mismatched; a fifth too many is."""
    rng = np.random.default_rng(1)
    assert sum(mismatched(0.05, 0.05, most=10_000, every=50, rng=rng) for _ in range(100)) <= 1
    assert all(mismatched(0.05, 0.06, most=60_000, every=500, rng=rng) for _ in range(20))

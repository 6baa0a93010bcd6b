"""How often the gate errs, by simulation with its own code; for tests (a few rollouts) and benchmarks/gate.py (many).

The gate is asked after each event that can change its mind. A metric's evidence depends on nothing but how many units
of either arm failed (test_gate_rates.py holds it to that), so events without a new failing unit are not asked about,
and the answer for the same two numbers is kept.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pytest_llmupgrade.rollout.config import EventMetric, MeanMetric, Step
from pytest_llmupgrade.rollout.event_checks import event_check, event_finding
from pytest_llmupgrade.rollout.gate import traffic_check
from pytest_llmupgrade.rollout.mean_checks import mean_check
from pytest_llmupgrade.rollout.rollups import Key, Moments
from pytest_llmupgrade.rollout.sides import Arms, Side
from pytest_llmupgrade.rollout.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    from pytest_llmupgrade.rollout.findings import Finding

METRIC = EventMetric(name="error", source="error")
COST = MeanMetric(name="cost_usd", source="cost_usd", max_ratio=1.25, role="guardrail")
UNITS = 10**6  # of either arm: more than fail, and of no effect


class Rule(NamedTuple):
    """What the gate knows."""

    share: float
    """Of the units, to the new arm."""
    max_ratio: float = 3.0
    metrics: int = 1
    """That share the risk of a false rollback."""


class Failures(NamedTuple):
    """The failing units of one rollout in their order."""

    new: NDArray[np.int64]
    """How many of the new arm's, up to each."""
    requests: NDArray[np.int64]
    """Of the new arm, up to each."""


@lru_cache(maxsize=1_000_000)
def finding(rule: Rule, new: int, old: int) -> Finding:
    """Return what the gate finds of a metric when so many units have failed."""
    arms = Arms(
        share=rule.share,
        new=Side(requests=UNITS, units=UNITS, failed={METRIC.name: new}),
        old=Side(requests=UNITS, units=UNITS, failed={METRIC.name: old}),
    )
    step = Step(percent=rule.share * 100, max_ratio=rule.max_ratio)
    return event_finding(METRIC, step, arms, metrics=rule.metrics)


def failures(rule: Rule, ratio: float, base: float, most: int, rng: Generator) -> Failures:
    """Return the first failing units of a rollout whose requests are units of their own.

    The old arm fails a share `base` of its units, the new one `ratio` times as many.
    """
    fails = base * (rule.share * ratio + 1 - rule.share)
    new = np.cumsum(rng.random(most) < rule.share * base * ratio / fails, dtype=np.int64)
    between = rng.geometric(fails, most) - 1
    well = np.cumsum(rng.binomial(between, rule.share * (1 - base * ratio) / (1 - fails)))
    return Failures(new, well + new)


def first(rule: Rule, found: Failures, wanted: Finding) -> int | None:
    """Return the new arm's requests at the first event after which the gate finds so; None: it never does."""
    for at, new in enumerate(found.new.tolist()):
        if finding(rule, new, at + 1 - new) == wanted:
            return int(found.requests[at])
    return None


class Many(NamedTuple):
    """How many rollouts, each followed for so many failing units."""

    rollouts: int
    failing: int
    seed: int
    base: float = 0.01
    """Share of the old arm's units that fail."""


def firsts(rule: Rule, ratio: float, wanted: Finding, many: Many) -> list[int | None]:
    """Return `first` of many rollouts."""
    rng = np.random.default_rng(many.seed)
    return [
        first(rule, failures(rule, ratio, many.base, many.failing, rng), wanted) for _ in range(many.rollouts)
    ]


def ever(found: list[int | None]) -> float:
    """Return the share of rollouts in which it came to that."""
    return sum(each is not None for each in found) / len(found)


def within(found: list[int | None], share: float) -> float:
    """Return after how many requests of the new arm so many of the rollouts were there; inf where they never were."""
    return sorted(float("inf") if each is None else each for each in found)[
        int(np.ceil(share * len(found))) - 1
    ]


# --- no old arm ------------------------------------------------------------------------------------


def alone(max_share: float, share: float, *, most: int, metrics: int, rng: Generator) -> int | None:
    """Return after how many units of the one arm that is left the gate finds harm, where a share of them fails."""
    metric = replace(METRIC, max_share=max_share)
    for failed, unit in enumerate(np.flatnonzero(rng.random(most) < share).tolist(), 1):
        arms = Arms(share=1.0, new=Side(units=unit + 1, failed={METRIC.name: failed}), old=Side())
        if event_check(metric, Step(percent=100), arms, metrics=metrics).finding == "harm":
            return int(unit) + 1
    return None


# --- sticky users ----------------------------------------------------------------------------------


def sticky(rule: Rule, *, users: int, times: int, rng: Generator) -> tuple[bool, bool]:
    """Return whether users who always fail, equally often on either arm, made the gate see harm.

    Once as the router's records count them, once as if each failure were evidence of its own.
    """
    arms = rng.random(users) < rule.share
    tally, seen, failed = Tally(), [0, 0], [0, 0]
    counted = naive = False
    keys = [Key(rollout="r", mode="live", step=rule.share * 100, arm=arm) for arm in ("old", "new")]
    for user in rng.permutation(np.repeat(np.arange(users), times)).tolist():
        arm = int(arms[user])
        tally.add(_failed(keys[arm], user))
        failed[arm] += 1
        now = tally.side(keys[arm]).failed[METRIC.name]
        if now != seen[arm]:
            seen[arm] = now
            counted = counted or finding(rule, seen[1], seen[0]) == "harm"
        naive = naive or finding(rule, failed[1], failed[0]) == "harm"
    return counted, naive


def _failed(key: Key, user: int) -> dict[str, object]:
    return {
        "type": "call",
        "t": 0,
        "ms": 1.0,
        "rollout": key.rollout,
        "mode": key.mode,
        "step": key.step,
        "arm": key.arm,
        "served": None,
        "unit": f"{user:x}",
        "hits": [METRIC.name],
    }


# --- means and traffic -----------------------------------------------------------------------------


def cost_findings(rule: Rule, ratio: float, *, most: int, every: int, rng: Generator) -> Iterator[Finding]:
    """Yield what the gate finds of the cost at each look; costs are log-normal, with a long tail."""
    new = rng.random(most) < rule.share
    cost = rng.lognormal(0, 1, most) * np.where(new, ratio, 1)
    sums = [(np.cumsum(side), np.cumsum(cost * side), np.cumsum(cost * cost * side)) for side in (new, ~new)]
    for at in range(every - 1, most, every):
        sides = [
            Side(
                requests=int(count[at]),
                moments={
                    "cost_usd": Moments(
                        count=int(count[at]), total=float(total[at]), squares=float(squares[at])
                    )
                },
            )
            for count, total, squares in sums
        ]
        arms = Arms(share=rule.share, new=sides[0], old=sides[1])
        yield mean_check(COST, arms, metrics=rule.metrics).finding


def mismatched(share: float, drawn: float, *, most: int, every: int, rng: Generator) -> bool:
    """Return whether the gate ever calls the units mismatched, where they fall to the new arm with `drawn`."""
    new = np.cumsum(rng.random(most) < drawn)
    for at in range(every - 1, most, every):
        units = int(new[at])
        arms = Arms(share=share, new=Side(units=units), old=Side(units=at + 1 - units))
        if traffic_check(arms).finding == "wrong":
            return True
    return False

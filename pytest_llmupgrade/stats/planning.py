"""How many cases a verdict needs, and what so many cases can see."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats.distributions import normal_quantile
from pytest_llmupgrade.stats.paired import Pairs, restricted_variance

if TYPE_CHECKING:
    from collections.abc import Sequence

_PRECISION = 1e-9  # of a share
_MOST_CASES = 10_000_000  # nobody writes more; beyond it the answer is 'no number of cases'


def cases_needed(
    margin: float,
    discordance: float,
    *,
    true_difference: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Return how many paired cases show non-inferiority within `margin`; all arguments are shares of 0 to 1.

    None where the true difference is no better than minus the margin. Tango's test, restricted variance under
    the null: Liu, Hsueh, Hsieh and Chen (2002), Stat. Med. 21, 231-245, DOI 10.1002/sim.1013.
    """
    gap = true_difference + margin
    if gap <= 0:
        return None
    shares = Pairs(
        broke=(discordance - true_difference) / 2, fixed=(discordance + true_difference) / 2, n=1.0
    )
    null = math.sqrt(restricted_variance(shares, -margin))
    actual = math.sqrt(max(0.0, discordance - true_difference**2))
    needed = ((normal_quantile(1 - alpha) * null + normal_quantile(power) * actual) / gap) ** 2
    return math.ceil(needed) if needed <= _MOST_CASES else None


def more_cases_needed(pairs: Pairs, *, margin: float, power: float = 0.8) -> int | None:
    """Return how many cases beside the present ones would show non-inferiority if things stay as they look.

    As `cases_needed`, at the observed discordance and the observed difference where that is a drop, else at
    none; None where the drop seen is the margin or more, so that more cases would not help.
    """
    needed = cases_needed(margin, pairs.discordance, true_difference=min(0.0, pairs.difference), power=power)
    return None if needed is None else max(0, math.ceil(needed - pairs.n))


def cases_needed_for_drop(drop: float, discordance: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many paired cases make a true drop (a share, 0 to 1) significant by McNemar's two-sided test.

    Connor (1987), Biometrics 43, 207-211, DOI 10.2307/2531961; the discordance holds the drop.
    """
    if not 0 < drop <= discordance <= 1:
        raise ValueError(f"a drop of {drop} at a discordance of {discordance}")
    null = normal_quantile(1 - alpha / 2) * math.sqrt(discordance)
    actual = normal_quantile(power) * math.sqrt(discordance - drop * drop)
    return math.ceil(((null + actual) / drop) ** 2)


def smallest_visible_drop(
    n: int, flip_rate: float, *, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """Return the smallest true drop (a share, 0 to 1) that n paired cases would show, None where they show none.

    `flip_rate` is the share of cases whose verdict changes between two runs of the same model, 0 to 1; the drop
    comes on top of it. The inverse of `cases_needed_for_drop` (Connor 1987).
    """
    low, high = 0.0, 1 - flip_rate
    if high <= 0 or cases_needed_for_drop(high, 1.0, alpha=alpha, power=power) > n:
        return None
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if cases_needed_for_drop(middle, flip_rate + middle, alpha=alpha, power=power) > n:
            low = middle
        else:
            high = middle
    return high


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p values adjusted for how many are looked at, in the order given.

    Holm (1979), Scand. J. Stat. 6, 65-70: the family-wise error holds, whatever the dependence.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for place, index in enumerate(order):
        reached = max(reached, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = reached
    return tuple(adjusted)

"""How many cases a verdict needs, and what so many cases can see."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats.distributions import normal_quantile
from pytest_llmupgrade.stats.paired import Pairs, restricted_variance, tango_z

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


def more_cases_needed(pairs: Pairs, *, margin: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Return how many cases beside the present ones would show non-inferiority if the models are equally good.

    From the discordance alone, as `cases_needed`, for a drop that was seen is mostly chance. Where the present cases
    are enough by that, yet the drop seen stands in the way: how many more outweigh it with that power, if on those
    the models differ as often as before and neither is better. None where no reasonable number would.
    """
    needed = cases_needed(margin, pairs.discordance, alpha=alpha, power=power)
    if needed is None:
        return None
    return math.ceil(needed - pairs.n) if needed > pairs.n else _outweighing(pairs, margin, alpha, power)


def _outweighing(pairs: Pairs, margin: float, alpha: float, power: float) -> int | None:
    """Return the smallest number of further cases, by bisection; 0 where none is needed."""
    if _shown(pairs, 0, margin, alpha, power):
        return 0
    low, high = 0, 1
    while not _shown(pairs, high, margin, alpha, power):
        low, high = high, 2 * high
        if high > _MOST_CASES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _shown(pairs, middle, margin, alpha, power) else (middle, high)
    return high


def _shown(pairs: Pairs, more: int, margin: float, alpha: float, power: float) -> bool:
    """Whether so many more cases, on which neither model is better, bring the score past its bound."""
    half = more * pairs.discordance / 2
    both = Pairs(broke=pairs.broke + half, fixed=pairs.fixed + half, n=pairs.n + more)
    scatter = normal_quantile(power) * math.sqrt(
        more / both.n
    )  # of the cases to come; the present ones are known
    return tango_z(both, -margin) > normal_quantile(1 - alpha) + scatter


def fewest_cases(margin: float, *, alpha: float = 0.05) -> int:
    """Return with how many cases, all of them alike on both models, a margin (a share, 0 to 1) can just be shown.

    Tango's bound without a discordant case is -z^2 / (n + z^2); with fewer cases no answers whatever are enough.
    """
    square = normal_quantile(1 - alpha) ** 2
    return math.floor(square * (1 - margin) / margin) + 1


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

"""What the new model costs and how long it takes, as a ratio to the old one on the same cases."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats.distributions import two_sided_t, two_sided_z
from pytest_llmupgrade.stats.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

_PRECISION = 1e-14  # of a logarithm
_EXACT_UP_TO = 50  # pairs; beyond, the normal approximation of the rank is off by less than one rank


def ratio_of_means(
    new: Sequence[float],
    old: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> Interval | None:
    """Return mean(new) / mean(old) of paired costs with its interval, None where a mean is zero or pairs are few.

    Delta method on the logarithm: Oehlert (1992), Am. Stat. 46, 27-29; t quantile with n - 1 degrees of freedom.
    Weighted means, by linearisation, as in `clusters.repeated_difference`.
    """
    _check_pairs(new, old)
    count = len(new)
    weights = [1.0] * count if weights is None else weights
    total = math.fsum(weights)
    if count < 2 or total <= 0:  # noqa: PLR2004  one pair has no spread
        return None
    mean_new, mean_old = fmean(new, weights), fmean(old, weights)
    if mean_new <= 0 or mean_old <= 0:
        return None
    # the linearised logarithm: its spread holds both variances and the covariance
    relative = [a / mean_new - b / mean_old for a, b in zip(new, old, strict=True)]
    spread = math.fsum((weight / total * gap) ** 2 for weight, gap in zip(weights, relative, strict=True))
    half = two_sided_t(confidence, count - 1) * math.sqrt(spread * count / (count - 1))
    ratio = mean_new / mean_old
    return Interval(ratio, ratio * math.exp(-half), ratio * math.exp(half))


def typical_ratio(new: Sequence[float], old: Sequence[float], *, confidence: float = 0.95) -> Interval | None:
    """Return the typical new / old of paired latencies with its interval, None where pairs are few.

    Hodges and Lehmann (1963), Ann. Math. Stat. 34, 598-611: the median of the Walsh averages of the log
    ratios; bounds by rank after Hollander, Wolfe and Chicken (2014), section 3.3. Values must be above zero.
    """
    _check_pairs(new, old)
    if any(value <= 0 for value in (*new, *old)):
        raise ValueError("a ratio needs values above zero")
    rank = _walsh_rank(len(new), confidence)
    if rank is None:
        return None
    logs = sorted(math.log(a / b) for a, b in zip(new, old, strict=True))
    walsh = len(logs) * (len(logs) + 1) // 2
    middle = (_walsh(logs, (walsh + 1) // 2) + _walsh(logs, walsh // 2 + 1)) / 2
    return Interval(math.exp(middle), math.exp(_walsh(logs, rank)), math.exp(_walsh(logs, walsh + 1 - rank)))


def _check_pairs(new: Sequence[float], old: Sequence[float]) -> None:
    if len(new) != len(old):
        raise ValueError(f"{len(new)} new values, {len(old)} old ones: they must be pairs")


@lru_cache(maxsize=256)
def _walsh_rank(count: int, confidence: float) -> int | None:
    """Return which Walsh average bounds the interval, counted from below, None where none does."""
    if count > _EXACT_UP_TO:
        spread = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return math.floor(count * (count + 1) / 4 - two_sided_z(confidence) * spread)
    allowed = (1 - confidence) / 2 * 2**count
    below = 0
    for rank, ways in enumerate(_signed_rank_ways(count)):
        below += ways
        if below > allowed:
            return rank or None
    return None


def _signed_rank_ways(count: int) -> list[int]:
    """Return how many sign patterns give each sum of positive ranks: Wilcoxon's null distribution."""
    ways = [1] + [0] * (count * (count + 1) // 2)
    for rank in range(1, count + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    return ways


def _walsh(ordered: Sequence[float], rank: int) -> float:
    """Return the Walsh average of a rank, by bisection: there are too many of them to list."""
    low, high = ordered[0], ordered[-1]
    if _walsh_at_most(ordered, low) >= rank:
        return low
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if _walsh_at_most(ordered, middle) >= rank:
            high = middle
        else:
            low = middle
    return high


def _walsh_at_most(ordered: Sequence[float], bound: float) -> int:
    """Count the averages (x_i + x_j) / 2, i <= j, that are at most `bound`, in one pass."""
    found, upper = 0, len(ordered) - 1
    for lower, value in enumerate(ordered):
        while upper >= lower and (value + ordered[upper]) / 2 > bound:
            upper -= 1
        if upper < lower:
            break
        found += upper - lower + 1
    return found

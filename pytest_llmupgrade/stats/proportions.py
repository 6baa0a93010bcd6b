"""One proportion, and the quantiles of one sample."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats.distributions import two_sided_z
from pytest_llmupgrade.stats.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence


def wilson(passed: int, judged: int, *, confidence: float = 0.95) -> Interval:
    """Return the score interval of a proportion, shares of 0 to 1; ValueError where nothing was judged.

    Wilson (1927), J. Am. Stat. Assoc. 22, 209-212, DOI 10.1080/01621459.1927.10502953.
    """
    if not 0 <= passed <= judged or judged == 0:
        raise ValueError(f"no proportion: {passed} of {judged}")
    z = two_sided_z(confidence)
    share = passed / judged
    centre = share + z * z / (2 * judged)
    half = z * math.sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))
    scale = 1 + z * z / judged
    low = 0.0 if passed == 0 else (centre - half) / scale
    high = 1.0 if passed == judged else (centre + half) / scale
    return Interval(share, low, high)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the quantile at a share of 0 to 1, interpolated linearly; ValueError without values.

    Type 7 of Hyndman and Fan (1996), Am. Stat. 50, 361-365: what numpy does by default.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    position = (len(ordered) - 1) * share
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def quantile_ranks(count: int, share: float, *, confidence: float = 0.95) -> tuple[int, int] | None:
    """Return the 1-based ranks whose values bound a quantile, None where so few values bound none.

    Binomial order-statistic interval: Hahn and Meeker (1991), Statistical Intervals, section 5.2.
    """
    tail = (1 - confidence) / 2
    reached = list(accumulate(_binomial(count, share)))
    low, high = bisect_left(reached, tail), bisect_left(reached, 1 - tail) + 1
    return (low, high) if low >= 1 and high <= count else None


def quantile_interval(values: Sequence[float], share: float, *, confidence: float = 0.95) -> Interval | None:
    """Return a quantile with its order-statistic interval in the values' unit, None for too few values.

    Hahn and Meeker (1991), Statistical Intervals, section 5.2; no assumption on the distribution.
    """
    ranks = quantile_ranks(len(values), share, confidence=confidence)
    if ranks is None:
        return None
    ordered = sorted(values)
    return Interval(quantile(ordered, share), ordered[ranks[0] - 1], ordered[ranks[1] - 1])


def _binomial(count: int, share: float) -> Sequence[float]:
    """Return the chances of 0 to `count` successes, by logarithms since the powers underflow."""
    if not 0 < share < 1:
        raise ValueError(f"no quantile: {share}")
    whole, up, down = math.lgamma(count + 1), math.log(share), math.log1p(-share)
    return [
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(count - k + 1) + k * up + (count - k) * down)
        for k in range(count + 1)
    ]

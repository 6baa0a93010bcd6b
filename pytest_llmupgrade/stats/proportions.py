"""One proportion, and quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between its bounds, all in the estimate's own unit."""

    estimate: float
    low: float
    high: float


def wilson(passed: int, judged: int, *, confidence: float = 0.95) -> Interval:
    """Return the score interval of a proportion, shares of 0 to 1; ValueError where nothing was judged.

    Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.
    """
    if not 0 <= passed <= judged or judged == 0:
        raise ValueError(f"no proportion: {passed} of {judged}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
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

"""Two models on the same cases: how far apart they are, and whether that is within a margin.

The sign everywhere: difference = share passed by the new minus share passed by the old
= (fixed - broke) / n, so that a regression is negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats.distributions import two_sided_z, upper_tail
from pytest_llmupgrade.stats.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

_PRECISION = 1e-15


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Cases that both models answered; ValueError where the counts contradict each other."""

    broke: float
    """Passed by the old, missed by the new; whole cases, or effective ones where cases carry weights."""
    fixed: float
    """Missed by the old, passed by the new."""
    n: float
    """All paired cases, the concordant ones included."""

    def __post_init__(self) -> None:
        if min(self.broke, self.fixed) < 0 or self.n <= 0 or self.broke + self.fixed > self.n * (1 + 1e-12):
            raise ValueError(f"no pairs: {self.broke} broke, {self.fixed} fixed of {self.n}")

    @property
    def difference(self) -> float:
        """The new model's share minus the old one's, -1 to 1."""
        return max(-1.0, min(1.0, (self.fixed - self.broke) / self.n))  # effective cases are rounded

    @property
    def discordance(self) -> float:
        """The share of cases on which the models differ, 0 to 1."""
        return (self.fixed + self.broke) / self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority:
    """A one-sided test of 'the new model is worse by the margin or more'."""

    z: float
    p: float


def restricted_variance(pairs: Pairs, difference: float) -> float:
    """Return n times the variance of the observed difference if `difference` (-1 to 1) were the true one.

    Tango (1998), Stat. Med. 17, 891-908, equation 3: the maximum likelihood under that restriction.
    """
    broke, fixed, n = pairs.broke / pairs.n, pairs.fixed / pairs.n, 1.0
    b = -fixed - broke + (2 * n - fixed + broke) * difference
    c = -broke * difference * (1 - difference)
    root = math.sqrt(max(0.0, b * b - 8 * n * c))
    # the larger root of 2q^2 + bq + c; the second form where the first would cancel
    q = (root - b) / (4 * n) if b <= 0 else -2 * c / (root + b)
    return max(0.0, 2 * q + difference * (1 - difference))


def tango_z(pairs: Pairs, difference: float) -> float:
    """Return the score statistic of a true difference of -1 to 1; it falls as the difference grows.

    Tango (1998), Stat. Med. 17, 891-908, DOI 10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B.
    """
    gap = pairs.difference - difference
    variance = restricted_variance(pairs, difference)
    if variance == 0:
        return 0.0 if gap == 0 else math.copysign(math.inf, gap)
    return gap * math.sqrt(pairs.n / variance)


def tango(pairs: Pairs, *, confidence: float = 0.90) -> Interval:
    """Return the difference with its score interval, both -1 to 1.

    Tango (1998), as `tango_z`; 90 % two-sided makes each bound a one-sided test at 5 %.
    """
    z = two_sided_z(confidence)
    estimate = pairs.difference
    low = _crossing(lambda at: tango_z(pairs, at) > z, -1.0, estimate)
    high = _crossing(lambda at: tango_z(pairs, at) > -z, estimate, 1.0)
    return Interval(estimate, low, high)


def noninferiority(pairs: Pairs, *, margin: float) -> NonInferiority:
    """Return the test against a drop of `margin` (a share, 0 to 1); small p: the drop is smaller.

    Tango (1998), as `tango_z`, at minus the margin; p < 0.05 where the 90 % interval lies above it.
    """
    if not 0 < margin < 1:
        raise ValueError(f"no margin: {margin}")
    z = tango_z(pairs, -margin)
    return NonInferiority(z=z, p=upper_tail(z))


def mcnemar_exact(broke: int, fixed: int) -> float:
    """Return the two-sided p of 'as many broke as were fixed', exact from the binomial.

    McNemar (1947), Psychometrika 12, 153-157, DOI 10.1007/BF02295996.
    """
    return min(1.0, 2 * _binomial_half_tail(min(broke, fixed), broke + fixed))


def mcnemar_midp(broke: int, fixed: int) -> float:
    """Return the two-sided mid-p of 'as many broke as were fixed': twice the one-sided mid-p.

    Fagerland, Lydersen and Laake (2013), BMC Med. Res. Methodol. 13:91, DOI 10.1186/1471-2288-13-91.
    """
    total, fewer = broke + fixed, min(broke, fixed)
    return 2 * _binomial_half_tail(fewer, total) - math.comb(total, fewer) / (1 << total)


def _binomial_half_tail(most: int, total: int) -> float:
    """Return P(X <= most) of a fair binomial, in whole numbers until the one division."""
    term = reached = 1
    for k in range(1, most + 1):
        term = term * (total - k + 1) // k
        reached += term
    return reached / (1 << total)


def _crossing(above: Callable[[float], bool], low: float, high: float) -> float:
    """Return where a falling statistic goes below its bound, as near as floats go; `high` where it never does."""
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if above(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2

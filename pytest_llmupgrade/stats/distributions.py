"""Quantiles and tails that the standard library lacks: Student's t; the normal for symmetry."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_EXPANDED_FROM = 1000  # degrees of freedom; from here the expansion is exact to 1e-14
_TINY = 1e-300


def two_sided_z(confidence: float) -> float:
    """Return the normal quantile of a two-sided interval; ValueError unless 0 < confidence < 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"no confidence: {confidence}")
    return _NORMAL.inv_cdf((1 + confidence) / 2)


def normal_quantile(share: float) -> float:
    """Return the standard normal quantile at a share between 0 and 1."""
    return _NORMAL.inv_cdf(share)


def upper_tail(z: float) -> float:
    """Return P(Z > z) of the standard normal, exact far into the tail."""
    return math.erfc(z / math.sqrt(2)) / 2


def student_upper_tail(t: float, df: float) -> float:
    """Return P(T > t) of Student's t with `df` degrees of freedom.

    Abramowitz and Stegun (1964), 26.7.1: half the incomplete beta function at df / (df + t^2).
    """
    if t < 0:
        return 1 - student_upper_tail(-t, df)
    square = t * t
    return _incomplete_beta(df / (df + square), square / (df + square), df / 2, 0.5) / 2


@lru_cache(maxsize=1024)
def two_sided_t(confidence: float, df: float) -> float:
    """Return Student's quantile of a two-sided interval; ValueError unless 0 < confidence < 1 and df > 0."""
    if df <= 0:
        raise ValueError(f"no degrees of freedom: {df}")
    low = two_sided_z(confidence)  # Student's tails are never lighter than the normal's
    if df > _EXPANDED_FROM:
        return _expanded_t(low, df)
    tail = (1 - confidence) / 2
    high = 2 * low + 1
    while student_upper_tail(high, df) > tail:
        low, high = high, high * 2
    middle = (low + high) / 2
    while low < middle < high:
        if student_upper_tail(middle, df) > tail:
            low = middle
        else:
            high = middle
        middle = (low + high) / 2
    return middle


def _expanded_t(z: float, df: float) -> float:
    """Return Student's quantile from the normal's: Abramowitz and Stegun (1964), 26.7.5."""
    square = z * z
    terms = (
        (square + 1) / 4,
        ((5 * square + 16) * square + 3) / 96,
        (((3 * square + 19) * square + 17) * square - 15) / 384,
        ((((79 * square + 776) * square + 1482) * square - 1920) * square - 945) / 92160,
    )
    return z * (1 + sum(term / df**power for power, term in enumerate(terms, start=1)))


def _incomplete_beta(x: float, y: float, a: float, b: float) -> float:
    """Return I_x(a, b) with y = 1 - x, by the continued fraction on the side where it converges fast."""
    if x <= 0 or y <= 0:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * _log(x, y) + b * math.log(y))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(y, b, a) / b


def _log(x: float, y: float) -> float:
    """Return log(x) of x = 1 - y, exact where x is near one."""
    return math.log1p(-y) if y < x else math.log(x)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of I_x(a, b): DLMF 8.17.22, evaluated as by Lentz (1976)."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for step in range(1, 10_000):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        before = fraction
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            fraction *= c * d
        if abs(fraction - before) <= 1e-16 * abs(fraction):
            break
    return fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY

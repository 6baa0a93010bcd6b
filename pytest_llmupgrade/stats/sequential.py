"""Tests that hold at every look: evidence that may be read after each request without raising false alarms.

An e-value is what a bettor who started with 1 holds when the null hypothesis is true on average no more than 1; by
Ville's inequality (1939) it ever reaches 1 / alpha with a probability of at most alpha. All of them are logarithms here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HARM_GRID = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Ratios that a bet on harm is spread over, as multiples of the one that is tested."""
EXCLUDED_GRID = (0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""The same for a bet on less than the tested ratio."""
_MOST_LOG = math.log(1e6)  # of a ratio that anybody asks for
_STEPS = 200  # of a search: past the last bit of a double
_NEAR = 1e-10
_N_STAR = 5000
_CONCENTRATION = 1000.0


@dataclass(frozen=True, slots=True)
class Failing:
    """Units that failed at least once while one share of the traffic was in force."""

    share: float
    """Of the units, to the new arm, 0 to 1 exclusive."""
    new: int
    old: int


def log_e_harm(failing: Sequence[Failing], ratio: float = 1.0) -> float:
    """Return the log evidence that the new arm fails more than `ratio` times as often as the old one.

    Of the units that fail, each is the new arm's with probability w r / (w r + 1 - w), whatever the base rate: a
    mixture of likelihood ratios, uniform over HARM_GRID (Robbins 1970, Ann. Math. Stat. 41, 1397-1409). Several steps
    are strata of one bet, never pooled.
    """
    return _mixture(failing, ratio, HARM_GRID)


def log_e_excluded(failing: Sequence[Failing], max_ratio: float) -> float:
    """Return the log evidence that the new arm fails less than `max_ratio` times as often as the old one."""
    return _mixture(failing, max_ratio, EXCLUDED_GRID)


def ratio_bounds(failing: Sequence[Failing], alpha: float = 0.05) -> Interval:
    """Return the ratio of failures with bounds that hold at every look at once, with probability 1 - alpha.

    The bounds are where either bet reaches 2 / alpha; the estimate is the one of largest likelihood, within them.
    """
    limit = math.log(2 / alpha)
    low = _root(lambda ratio: log_e_harm(failing, ratio) - limit)
    high = _root(lambda ratio: limit - log_e_excluded(failing, ratio))
    return Interval(min(max(_likeliest(failing), low), high), low, high)


def log_e_share(failed: int, of: int, limit: float) -> tuple[float, float]:
    """Return the log evidence that a share lies above, and that it lies below `limit` (0 to 1 exclusive)."""

    def bet(grid: Sequence[float]) -> float:
        tried = (min(limit * factor, 1 - 1e-6) for factor in grid)
        return _log_mean_exp(
            [
                failed * math.log(share / limit) + (of - failed) * math.log((1 - share) / (1 - limit))
                for share in tried
            ]
        )

    return bet(HARM_GRID), bet(EXCLUDED_GRID)


def log_e_mismatch(new: int, old: int, share: float) -> float:
    """Return the log evidence that units do not fall to the new arm with probability `share` (0 to 1 exclusive).

    Beta-binomial around the declared share, 1,000 units strong: Lindon and Malek (2022), NeurIPS 35,
    "Anytime-valid inference for multinomial count data".
    """
    a, b = _CONCENTRATION * share, _CONCENTRATION * (1 - share)
    drawn = _log_beta(a + new, b + old) - _log_beta(a, b)
    return drawn - new * math.log(share) - old * math.log(1 - share)


def mean_bounds(
    estimate: float, error: float, n: int, *, alpha: float = 0.05, n_star: int = _N_STAR
) -> Interval:
    """Return an estimate with bounds that hold at every look at once, for large n, with probability 1 - alpha.

    Asymptotic confidence sequence, narrowest near `n_star` observations: Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas (2024), Ann. Stat. 52, 2613-2640, theorem 2.2 and its choice of rho. `error` is the standard error at n.
    """
    twice = -2 * math.log(alpha)
    rho = (twice + math.log(twice + 1)) / n_star
    scaled = n * rho + 1
    half = error * math.sqrt(scaled / (n * rho) * math.log(scaled / alpha**2))
    return Interval(estimate, estimate - half, estimate + half)


def units_needed(failing: Failing, max_ratio: float, limit: float, *, ratio: float = 1.0) -> int | None:
    """Return about how many more failing units exclude `max_ratio`, if the true ratio is `ratio`; None: none would.

    `limit` is the log evidence that is asked for; the failing units to come are shared as their expectation.
    """
    share = _of_new(failing.share, ratio)

    def reached(more: int) -> bool:
        expected = _mixed(
            [(failing.share, failing.new + more * share, failing.old + more * (1 - share))], max_ratio
        )
        return expected >= limit

    most = 10**7
    if not reached(most):
        return None
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    return low


def reaches(log_e: float, evidence: float) -> bool:
    """Whether log evidence is worth at least so many times the stake."""
    return log_e >= math.log(evidence)


# --- the parts -------------------------------------------------------------------------------------


def _of_new(share: float, ratio: float) -> float:
    """Return the probability that a failing unit is the new arm's."""
    return share * ratio / (share * ratio + 1 - share)


def _mixture(failing: Sequence[Failing], tested: float, grid: Sequence[float]) -> float:
    return _bet([(each.share, each.new, each.old) for each in failing], tested, grid)


def _mixed(failing: Sequence[tuple[float, float, float]], tested: float) -> float:
    return _bet(failing, tested, EXCLUDED_GRID)


def _bet(failing: Sequence[tuple[float, float, float]], tested: float, grid: Sequence[float]) -> float:
    terms = [0.0] * len(grid)
    for share, new, old in failing:
        odds = share * tested
        rest = 1 - share
        for at, factor in enumerate(grid):
            # the new arm's share of failing units is odds / (odds + rest), both for the tested ratio and the other
            grown = math.log((odds * factor + rest) / (odds + rest))
            terms[at] += new * (math.log(factor) - grown) - old * grown
    return _log_mean_exp(terms)


def _log_mean_exp(terms: Sequence[float]) -> float:
    most = max(terms)
    return most + math.log(math.fsum(math.exp(term - most) for term in terms) / len(terms))


def _likeliest(failing: Sequence[Failing]) -> float:
    """Return the ratio under which the failing units are as they are, on average."""
    new = sum(each.new for each in failing)
    if len(failing) == 1 and failing[0].old:
        return new * (1 - failing[0].share) / (failing[0].old * failing[0].share)

    def too_low(ratio: float) -> float:
        return new - sum((each.new + each.old) * _of_new(each.share, ratio) for each in failing)

    return _root(too_low)


def _root(excess: Callable[[float], float]) -> float:
    """Return where a function that falls with the ratio crosses zero, 0 where it is never above it.

    Regula falsi in the ratio's logarithm (the Illinois rule: an end that stays counts half), and where that is slow,
    halves.
    """
    above, below = -_MOST_LOG, _MOST_LOG
    over, under = excess(math.exp(above)), excess(math.exp(below))
    if over <= 0:
        return 0.0
    if under > 0:
        return math.inf
    for turn in range(_STEPS):
        share = 0.5 if turn % 3 == 2 or under == 0 else over / (over - under)  # noqa: PLR2004  each third turn
        middle = above + (below - above) * share
        found = excess(math.exp(middle))
        if found > 0:
            above, over, under = middle, found, under / 2
        else:
            below, under, over = middle, found, over / 2
        if below - above < _NEAR or abs(found) < _NEAR:
            break
    return math.exp(middle)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

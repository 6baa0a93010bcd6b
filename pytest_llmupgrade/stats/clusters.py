"""Several completions of one case are not several cases: intervals that know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.stats.distributions import two_sided_t
from pytest_llmupgrade.stats.interval import Interval
from pytest_llmupgrade.stats.paired import Pairs, tango

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROUNDING = 1e-20  # a variance below it comes from adding shares, not from cases


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredMean:
    """A mean over completions that come in cases."""

    mean: float
    se: float
    """Standard error between cases, in the mean's unit."""
    df: int
    """Cases minus one."""

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the t interval of the mean."""
        half = two_sided_t(confidence, self.df) * self.se
        return Interval(self.mean, self.mean - half, self.mean + half)


def clustered_mean(cases: Sequence[Sequence[float]]) -> ClusteredMean:
    """Return the mean of all completions with its error between cases; ValueError for fewer than two cases.

    Liang and Zeger (1986), Biometrika 73, 13-22, DOI 10.1093/biomet/73.1.13, with the factor G / (G - 1).
    For cases of equal size it is the t statistic of the per-case means: Miller (2024), arXiv:2411.00640.
    """
    groups = [case for case in cases if case]
    if len(groups) < 2:  # noqa: PLR2004  one case has no spread
        raise ValueError(f"no spread between {len(groups)} cases")
    total = sum(len(case) for case in groups)
    mean = math.fsum(value for case in groups for value in case) / total
    spread = math.fsum(math.fsum(value - mean for value in case) ** 2 for case in groups)
    df = len(groups) - 1
    return ClusteredMean(mean=mean, se=math.sqrt(spread * len(groups) / df) / total, df=df)


def pass_at_k(completions: int, passed: int, k: int) -> float:
    """Return the chance that at least one of k completions passes, unbiased; ValueError for k > completions.

    Chen et al. (2021), arXiv:2107.03374, equation 1.
    """
    _check_draw(completions, passed, k)
    return 1 - math.comb(completions - passed, k) / math.comb(completions, k)


def pass_hat_k(completions: int, passed: int, k: int) -> float:
    """Return the chance that all of k completions pass, unbiased; ValueError for k > completions.

    Yao et al. (2024), tau-bench, arXiv:2406.12045, section 3.
    """
    _check_draw(completions, passed, k)
    return math.comb(passed, k) / math.comb(completions, k)


def weighted_difference(
    differences: Sequence[int], weights: Sequence[float], *, confidence: float = 0.90
) -> Interval:
    """Return the paired difference (-1 to 1) weighted by traffic: Tango's interval of `weighted_pairs`."""
    if any(change not in (-1, 0, 1) for change in differences):
        raise ValueError("a difference is -1, 0 or 1")
    return tango(weighted_pairs(differences, weights), confidence=confidence)


def weighted_pairs(differences: Sequence[float], weights: Sequence[float]) -> Pairs:
    """Return how many cases of equal weight know as much; per case -1 broke, 0 alike, 1 fixed, or between.

    The effective sample size after Korn and Graubard (1998), Surv. Methodol. 24, 193-201, never above Kish's, so
    that no discordant case does not mean no doubt. What lies between counts by its size, which overstates its spread.
    """
    _check_weights(differences, weights)
    total = math.fsum(weights)
    shares = [weight / total for weight in weights]
    broke = -math.fsum(share * min(0.0, change) for share, change in zip(shares, differences, strict=True))
    fixed = math.fsum(share * max(0.0, change) for share, change in zip(shares, differences, strict=True))
    n = _effective_size(shares, differences, fixed - broke)
    return Pairs(broke=broke * n, fixed=fixed * n, n=n)


def repeated_difference(
    differences: Sequence[float], weights: Sequence[float], *, confidence: float = 0.90
) -> Interval:
    """Return the paired difference (-1 to 1) of cases that were asked several times, each its mean difference.

    The t interval between cases (Miller 2024, arXiv:2411.00640), the mean weighted by traffic; at neither end narrower
    than Tango's for pairs of that mean and spread, so that the same answer given again makes nobody surer, nor than
    Tango's for as many cases that agree throughout, for no spread between few cases is no proof.
    """
    _check_weights(differences, weights)
    total = math.fsum(weights)
    shares = [weight / total for weight in weights]
    mean = math.fsum(share * change for share, change in zip(shares, differences, strict=True))
    kish = 1 / math.fsum(share * share for share in shares)
    floor = tango(Pairs(broke=0, fixed=0, n=kish), confidence=confidence).high
    half = max(floor, _t_half(shares, differences, mean, confidence))
    score = tango(_spread_pairs(shares, differences, mean), confidence=confidence)
    return Interval(mean, max(-1.0, min(mean - half, score.low)), min(1.0, max(mean + half, score.high)))


def _spread_pairs(shares: list[float], differences: Sequence[float], mean: float) -> Pairs:
    """Return pairs whose mean and spread are those of the cases: half a break is a quarter of a break's spread."""
    square = math.fsum(share * change * change for share, change in zip(shares, differences, strict=True))
    discordance = max(square, abs(mean))  # no pairs have a mean above their discordance
    n = _effective_size(shares, differences, mean)
    return Pairs(broke=(discordance - mean) / 2 * n, fixed=(discordance + mean) / 2 * n, n=n)


def _t_half(shares: list[float], differences: Sequence[float], mean: float, confidence: float) -> float:
    """Return half the t interval of a weighted mean, by linearisation; as wide as can be for one case."""
    count = len(shares)
    if count < 2:  # noqa: PLR2004  one case has no spread
        return 2.0
    spread = math.fsum(
        (share * (change - mean)) ** 2 for share, change in zip(shares, differences, strict=True)
    )
    return two_sided_t(confidence, count - 1) * math.sqrt(spread * count / (count - 1))


def _effective_size(shares: list[float], differences: Sequence[float], estimate: float) -> float:
    """Return how many equally weighted cases know as much: by the seen variance, at most Kish's number."""
    kish = 1 / math.fsum(share * share for share in shares)
    seen = math.fsum(
        (share * (change - estimate)) ** 2 for share, change in zip(shares, differences, strict=True)
    )
    if seen < _ROUNDING or len(shares) < 2:  # noqa: PLR2004  one case has no spread
        return kish
    variance = seen * len(shares) / (len(shares) - 1)
    single = math.fsum(
        share * (change - estimate) ** 2 for share, change in zip(shares, differences, strict=True)
    )
    return min(kish, single / variance)


def _check_draw(completions: int, passed: int, k: int) -> None:
    if not 0 <= passed <= completions or not 1 <= k <= completions:
        raise ValueError(f"no {k} of {completions} completions, {passed} passed")


def _check_weights(differences: Sequence[float], weights: Sequence[float]) -> None:
    if len(differences) != len(weights) or not weights:
        raise ValueError(f"{len(differences)} differences, {len(weights)} weights")
    if min(weights) < 0 or not 0 < math.fsum(weights) < math.inf:
        raise ValueError("weights must be finite, none below zero, one above it")
    if any(not -1 <= change <= 1 for change in differences):
        raise ValueError("a difference is -1 to 1")

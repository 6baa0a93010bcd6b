"""How far a judge can be trusted: a judge's verdicts against a person's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_llmupgrade.stats.distributions import two_sided_z
from pytest_llmupgrade.stats.interval import Interval
from pytest_llmupgrade.stats.proportions import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Cases that a person and a judge both labelled; ValueError where a count is below zero."""

    both_passed: int
    only_judge_passed: int
    """The judge was too kind."""
    only_human_passed: int
    """The judge was too strict."""
    both_missed: int

    def __post_init__(self) -> None:
        if min(self.both_passed, self.only_judge_passed, self.only_human_passed, self.both_missed) < 0:
            raise ValueError("a count is below zero")

    @property
    def labelled(self) -> int:
        """All cases with both labels."""
        return self.both_passed + self.only_judge_passed + self.only_human_passed + self.both_missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Agreement beyond chance, 1 at best, 0 at chance."""

    estimate: float
    se: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An accuracy that is corrected for what the judge gets wrong."""

    estimate: float
    se: float
    interval: Interval


def cohens_kappa(table: Agreement, *, confidence: float = 0.95) -> Kappa | None:
    """Return kappa with its large-sample error, None where both gave one label only, or nothing was labelled.

    Cohen (1960), Educ. Psychol. Meas. 20, 37-46; error by Fleiss, Cohen and Everitt (1969), Psychol. Bull. 72, 323-327.
    """
    n = table.labelled
    if n == 0:
        return None
    judge = (table.both_passed + table.only_judge_passed) / n
    human = (table.both_passed + table.only_human_passed) / n
    chance = judge * human + (1 - judge) * (1 - human)
    if chance == 1:
        return None
    seen = (table.both_passed + table.both_missed) / n
    kappa = (seen - chance) / (1 - chance)
    se = math.sqrt(max(0.0, _kappa_variance(table, judge, human, kappa) - _chance_term(kappa, chance)) / n)
    se /= 1 - chance
    half = two_sided_z(confidence) * se
    return Kappa(
        estimate=kappa, se=se, interval=Interval(kappa, max(-1.0, kappa - half), min(1.0, kappa + half))
    )


def _chance_term(kappa: float, chance: float) -> float:
    return (kappa - chance * (1 - kappa)) ** 2


def _kappa_variance(table: Agreement, judge: float, human: float, kappa: float) -> float:
    alike = table.both_passed * (1 - (judge + human) * (1 - kappa)) ** 2
    alike += table.both_missed * (1 - (2 - judge - human) * (1 - kappa)) ** 2
    unlike = table.only_judge_passed * (human + 1 - judge) ** 2
    unlike += table.only_human_passed * (judge + 1 - human) ** 2
    return (alike + (1 - kappa) ** 2 * unlike) / table.labelled


def sensitivity(table: Agreement, *, confidence: float = 0.95) -> Interval | None:
    """Return the share of rightly good answers that the judge passes (Wilson), None where there is none."""
    good = table.both_passed + table.only_human_passed
    return wilson(table.both_passed, good, confidence=confidence) if good else None


def specificity(table: Agreement, *, confidence: float = 0.95) -> Interval | None:
    """Return the share of rightly bad answers that the judge misses (Wilson), None where there is none."""
    bad = table.both_missed + table.only_judge_passed
    return wilson(table.both_missed, bad, confidence=confidence) if bad else None


def corrected_accuracy(
    table: Agreement, passed: int, judged: int, *, confidence: float = 0.95
) -> Corrected | None:
    """Return a judged accuracy (`passed` of `judged` unlabelled answers) corrected by the labelled ones.

    Prediction-powered inference: Angelopoulos et al. (2023), Science 382, 669-674, DOI 10.1126/science.adi6000.
    None where fewer than two answers are labelled or judged.
    """
    n = table.labelled
    if n < 2 or judged < 2:  # noqa: PLR2004  one answer has no spread
        return None
    share = passed / judged
    bias = (table.only_human_passed - table.only_judge_passed) / n
    spread = (table.only_human_passed + table.only_judge_passed) / n - bias * bias
    se = math.sqrt(share * (1 - share) / (judged - 1) + spread / (n - 1))
    return _corrected(share + bias, se, confidence)


def rogan_gladen(table: Agreement, passed: int, judged: int, *, confidence: float = 0.95) -> Corrected | None:
    """Return a judged accuracy corrected by sensitivity and specificity, None for a judge no better than chance.

    Rogan and Gladen (1978), Am. J. Epidemiol. 107, 71-76; the error holds that of both shares.
    """
    true_pass, true_miss = sensitivity(table), specificity(table)
    if true_pass is None or true_miss is None or judged == 0:
        return None
    power = true_pass.estimate + true_miss.estimate - 1
    if power <= 0:
        return None
    share = passed / judged
    estimate = (share + true_miss.estimate - 1) / power
    good, bad = table.both_passed + table.only_human_passed, table.both_missed + table.only_judge_passed
    spread = _binomial_variance(share, judged)
    spread += estimate**2 * _binomial_variance(true_pass.estimate, good)
    spread += (1 - estimate) ** 2 * _binomial_variance(true_miss.estimate, bad)
    return _corrected(estimate, math.sqrt(spread) / power, confidence)


def _binomial_variance(share: float, n: int) -> float:
    return share * (1 - share) / n


def _corrected(estimate: float, se: float, confidence: float) -> Corrected:
    """Bound by 0 and 1 what the correction may have pushed beyond them."""
    half = two_sided_z(confidence) * se
    bounded = [min(1.0, max(0.0, value)) for value in (estimate, estimate - half, estimate + half)]
    return Corrected(estimate=bounded[0], se=se, interval=Interval(*bounded))

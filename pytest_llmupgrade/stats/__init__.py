"""Statistics, pure and of the standard library alone; each formula names its source."""

from __future__ import annotations

from pytest_llmupgrade.stats.agreement import (
    Agreement,
    Corrected,
    Kappa,
    cohens_kappa,
    corrected_accuracy,
    rogan_gladen,
    sensitivity,
    specificity,
)
from pytest_llmupgrade.stats.clusters import (
    ClusteredMean,
    clustered_mean,
    pass_at_k,
    pass_hat_k,
    repeated_difference,
    weighted_difference,
    weighted_pairs,
)
from pytest_llmupgrade.stats.interval import Interval
from pytest_llmupgrade.stats.paired import (
    NonInferiority,
    Pairs,
    mcnemar_exact,
    mcnemar_midp,
    noninferiority,
    tango,
    tango_z,
)
from pytest_llmupgrade.stats.planning import (
    cases_needed,
    cases_needed_for_drop,
    fewest_cases,
    holm,
    more_cases_needed,
    smallest_visible_drop,
)
from pytest_llmupgrade.stats.proportions import quantile, quantile_interval, quantile_ranks, wilson
from pytest_llmupgrade.stats.ratios import ratio_of_means, typical_ratio

__all__ = [
    "Agreement",
    "ClusteredMean",
    "Corrected",
    "Interval",
    "Kappa",
    "NonInferiority",
    "Pairs",
    "cases_needed",
    "cases_needed_for_drop",
    "clustered_mean",
    "cohens_kappa",
    "corrected_accuracy",
    "fewest_cases",
    "holm",
    "mcnemar_exact",
    "mcnemar_midp",
    "more_cases_needed",
    "noninferiority",
    "pass_at_k",
    "pass_hat_k",
    "quantile",
    "quantile_interval",
    "quantile_ranks",
    "ratio_of_means",
    "repeated_difference",
    "rogan_gladen",
    "sensitivity",
    "smallest_visible_drop",
    "specificity",
    "tango",
    "tango_z",
    "typical_ratio",
    "weighted_difference",
    "weighted_pairs",
    "wilson",
]

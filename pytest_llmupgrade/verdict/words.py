"""A decision in words, as every report says it; percentage points, never 'no significant difference'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.wording import plural, points, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.stats import Interval
    from pytest_llmupgrade.verdict.decision import CategoryFinding, Decision
    from pytest_llmupgrade.verdict.rule import Rule


def verdict_words(decision: Decision) -> str:
    """Return the verdict on one line."""
    margin = f"the margin of {_pp(decision.margin)}"
    if decision.verdict == "safe":
        return f"SAFE within {margin}"
    if decision.verdict == "regression":
        return "REGRESSION"
    if decision.more_cases_needed:
        return f"INCONCLUSIVE: {margin} needs about {plural(decision.more_cases_needed, 'more case')}"
    return f"INCONCLUSIVE for {margin}"


def reasons(decision: Decision) -> Iterator[str]:
    """Yield what stands behind the verdict, a clause or sentence each, the weightiest first."""
    if decision.interval is None:
        yield "no case has a verdict on both models"
    else:
        yield f"accuracy {difference_words(decision)}: {_shown(decision.interval, decision.margin)}"
        if decision.measurably_worse and decision.interval.low > -decision.margin:
            yield "measurably worse but within your margin"
    if decision.too_many_unpaired:
        total = decision.paired + decision.unpaired
        traffic = decision.lost_traffic
        weighed = "" if traffic is None else f", {share(traffic)} of the traffic"
        yield f"{decision.unpaired} of {plural(total, 'case')}{weighed} without a verdict on both models"
    for found in decision.categories:
        yield from _category(found)
    if not decision.provable and decision.verdict != "safe":  # a great gain proves it with fewer
        yield (
            f"{plural(decision.paired, 'case')} can never prove {_pp(decision.margin)}: "
            f"that takes {decision.fewest_cases} even if none differs"
        )
    if decision.looks > 1:
        yield f"look {decision.look} of {decision.looks} planned, each with a {share(decision.confidence)} interval"
    if decision.together > 1:
        yield f"one of {decision.together} tried, so each has a {share(decision.confidence)} interval (Bonferroni)"
    if decision.equal_weights is not None:
        equal = plural(max(1, round(decision.equal_weights)), "case")
        yield f"weighted by traffic: {plural(decision.paired, 'case')} tell as much as {equal} of equal weight"
    if decision.repeated:
        yield "by the share of each case's completions that passed"


def difference_words(decision: Decision) -> str:
    """Return how far the two are apart, with the interval that the verdict goes by; '' where nothing is paired."""
    interval = decision.interval
    if interval is None:
        return ""
    return f"{points(interval.estimate)}, {decision.confidence * 100:.0f} % interval {_bounds(interval)}"


def _bounds(interval: Interval) -> str:
    return f"[{points(interval.low, unit='')}, {points(interval.high, unit='')}]"


def _shown(interval: Interval, margin: float) -> str:
    """Return what an interval shows of a drop as large as the margin."""
    if interval.low > -margin:
        return f"a drop of {_pp(margin)} is excluded"
    return f"{'worse, ' if interval.high < 0 else ''}a drop of {_pp(margin)} is not excluded"


def _category(found: CategoryFinding) -> Iterator[str]:
    interval = found.interval
    bounds = f"{points(interval.estimate)} {_bounds(interval)}" if interval else ""
    if found.finding == "regression":
        yield f"category {found.name!r} regresses: {bounds}, p = {found.p:.2g} after Holm"
    elif found.finding == "inconclusive" and found.margin is not None:
        why = bounds
        if found.too_many_unpaired:
            total = plural(found.paired + found.unpaired, "case")
            why = f"{found.unpaired} of {total} without a verdict on both models"
        yield f"category {found.name!r} is not safe within its own margin of {_pp(found.margin)}: {why}"


def unprovable(rule: Rule, cases: int) -> str | None:
    """Return what to say before a run whose cases cannot prove the margin, None where they may."""
    if not 0 < cases < rule.fewest_cases:
        return None
    return (
        f"{plural(cases, 'case')} can never prove a margin of {_pp(rule.margin)}: that takes {rule.fewest_cases} "
        "even if no case differs; the verdict can only be REGRESSION or INCONCLUSIVE"
    )


def self_check(flipped: int, paired: int, visible_drop: float | None) -> str:
    """Return what a run of the same model twice says of the suite."""
    seen = "no drop can be seen with so few cases"
    if visible_drop is not None:
        seen = f"the smallest drop that it can see: {_pp(visible_drop)}"
    return f"A/A check: the suite flips {flipped} of {plural(paired, 'case')} by itself ({share(flipped / paired)}); {seen}"


def _pp(difference: float) -> str:
    """Return an unsigned difference in percentage points, as short as it can be: `5 pp`, `2.5 pp`."""
    return f"{round(difference * 100, 1):g} pp"

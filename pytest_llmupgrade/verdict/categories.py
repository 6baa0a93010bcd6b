"""Categories: none may regress, and one with a margin of its own must keep it by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.stats import holm, mcnemar_midp, tango_z
from pytest_llmupgrade.stats.distributions import upper_tail
from pytest_llmupgrade.verdict.decision import CategoryFinding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.stats import Interval
    from pytest_llmupgrade.verdict.decision import VerdictWord
    from pytest_llmupgrade.verdict.evidence import Evidence


def findings(
    evidence: Evidence, margins: Mapping[str, float], alpha: float, max_unpaired: float
) -> tuple[CategoryFinding, ...]:
    """Return what each category says; none where there is only one, for it says what the whole says.

    The one-sided tests for a drop are adjusted by Holm. A margin of its own needs no adjustment: all must be kept, also
    by a category of which no case is left.
    """
    names = evidence.categories
    gone = sorted({one.category for one in evidence.lost} & margins.keys() - {*names})
    if len(names) < 2 and not {*names, *gone} & margins.keys():  # noqa: PLR2004  several
        return ()
    parts = {name: evidence.of(name) for name in names}
    adjusted = holm([drop_p(part) for part in parts.values()])
    found = (
        _finding(name, part, margins.get(name), p=p, alpha=alpha, max_unpaired=max_unpaired)
        for (name, part), p in zip(parts.items(), adjusted, strict=True)
    )
    return (*found, *(_gone(name, evidence.of(name), margins[name]) for name in gone))


def drop_p(evidence: Evidence) -> float:
    """Return the one-sided p of 'no worse': McNemar's mid-p, or Tango's score at zero for effective cases."""
    pairs = evidence.pairs
    if evidence.weighted or evidence.repeated:
        return upper_tail(-tango_z(pairs, 0.0))
    if pairs.broke <= pairs.fixed:
        return 1.0
    return mcnemar_midp(int(pairs.broke), int(pairs.fixed)) / 2


def _gone(name: str, evidence: Evidence, margin: float) -> CategoryFinding:
    """Return the finding on a category without a pair: nothing is shown."""
    return CategoryFinding(
        name=name,
        paired=0,
        interval=None,
        margin=margin,
        p=1.0,
        unpaired=evidence.unpaired,
        too_many_unpaired=True,
        finding="inconclusive",
    )


def _finding(  # noqa: PLR0913  all of it is what a category is held to
    name: str, evidence: Evidence, margin: float | None, *, p: float, alpha: float, max_unpaired: float
) -> CategoryFinding:
    interval = evidence.interval(1 - 2 * alpha)
    too_many = evidence.lacks_more_than(max_unpaired)
    word = _word(interval, margin, p, alpha)
    if margin is not None and too_many and word == "safe":
        word = "inconclusive"
    return CategoryFinding(
        name=name,
        paired=len(evidence.changes),
        interval=interval,
        margin=margin,
        p=p,
        unpaired=evidence.unpaired,
        too_many_unpaired=too_many,
        finding=word,
    )


def _word(interval: Interval, margin: float | None, p: float, alpha: float) -> VerdictWord:
    """Return the finding; a drop within the category's own margin is what its owner accepted."""
    if margin is not None and interval.low > -margin:
        return "safe"
    if p < alpha:
        return "regression"
    return "safe" if margin is None else "inconclusive"

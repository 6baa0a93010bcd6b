"""The verdicts and what fails the run, as the first lines of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_llmupgrade import wording
from pytest_llmupgrade.verdict.words import reasons, self_check, verdict_words
from pytest_llmupgrade.wording import inline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_llmupgrade.run.cost_impact import CostImpact
    from pytest_llmupgrade.run.summary import Comparison, Summary

Emphasis: TypeAlias = "tuple[str, str]"
"""A text and what it is: 'safe', 'regression', 'inconclusive', 'breach', 'next' or '' (a detail of the line before)."""


def verdict_lines(summary: Summary) -> Iterator[Emphasis]:
    """Yield each candidate's verdict with its reasons, then what fails the run beside its items."""
    for comparison in summary.comparisons:
        yield from _verdict(comparison)
    for breach in summary.breaches:
        yield f"fails: {inline(breach)}", "breach"


def _verdict(comparison: Comparison) -> Iterator[Emphasis]:
    decision, name = comparison.decision, inline(comparison.candidate)
    if comparison.same_model:
        if comparison.paired:
            flipped = len(comparison.broke) + len(comparison.fixed)
            yield f"{name}: {self_check(flipped, comparison.paired, comparison.visible_drop)}", ""
        return
    yield f"{name}: {verdict_words(decision)}", decision.verdict
    for reason in reasons(decision):
        yield f"  {inline(reason)}", ""
    yield f"  next: {_next_step(comparison)}", "next"


def _next_step(comparison: Comparison) -> str:
    """Return what a reader would do now."""
    broke = wording.plural(len(comparison.broke), "case")
    if comparison.decision.verdict == "safe":
        return (
            f"read the {broke} that broke, then roll out in steps"
            if comparison.broke
            else "roll out in steps"
        )
    if comparison.decision.verdict == "regression":
        return f"mend why {broke} broke, or keep {inline(comparison.incumbent)}"
    also = f", and read the {broke} that broke" if comparison.broke else ""
    if comparison.decision.too_many_unpaired:
        return f"mend or rerun the {wording.plural(comparison.unpaired, 'case')} without a verdict{also}"
    return f"add cases (llmupgrade cases LOG){also}"


def bill_words(impact: CostImpact) -> str:
    """Return how the tokens and their price differ, and where both models would cost the same; '' if unknown."""
    tokens = [
        f"{name} {wording.ratio(found.estimate)}"
        for name, found in (("in", impact.input_tokens), ("out", impact.output_tokens))
        if found is not None
    ]
    words = f"tokens {', '.join(tokens)}" if tokens else ""
    if not words or impact.price is None or impact.break_even is None or impact.tokens is None:
        return words
    words += f" · a token costs {wording.ratio(impact.price)}"
    if impact.price > 1:
        words += f", which breaks even at {wording.ratio(impact.break_even)} the tokens, now {wording.ratio(impact.tokens)}"
    return words


STYLES: Mapping[str, Literal["good", "bad", "warn", "bold", "dim"]] = {
    "safe": "good",
    "regression": "bad",
    "inconclusive": "warn",
    "breach": "bad",
    "next": "bold",
    "": "dim",
}
"""How a terminal shows each kind of line."""

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
        yield from _verdict(comparison, summary)
    for breach in summary.breaches:
        yield f"fails: {inline(breach)}", "breach"


def _verdict(comparison: Comparison, summary: Summary) -> Iterator[Emphasis]:
    decision, name = comparison.decision, inline(comparison.candidate)
    if comparison.same_model:
        if comparison.paired:
            flipped = len(comparison.broke) + len(comparison.fixed)
            yield f"{name}: {self_check(flipped, comparison.paired, comparison.visible_drop)}", ""
        return
    yield f"{name}: {verdict_words(decision)}", decision.verdict
    for reason in reasons(decision):
        yield f"  {inline(reason)}", ""
    yield f"  next: {_next_step(comparison, summary)}", "next"


def _next_step(comparison: Comparison, summary: Summary) -> str:
    """Return what a reader would do now; whom anything fails is not rolled out."""
    verdict = comparison.decision.verdict
    broke = wording.plural(len(comparison.broke), "case")
    if verdict == "regression":
        return f"mend why {broke} broke, or keep {inline(comparison.incumbent)}"
    first = [*_in_the_way(comparison, summary)]
    if verdict == "inconclusive" and summary.exit_reason == "finished":
        first.append(_more(comparison))
    steps = [*first, *([f"read the {broke} that broke"] if comparison.broke else [])]
    if not first:
        return ", then ".join([*steps, "roll out in steps"])
    return ", and ".join(filter(None, (", ".join(steps[:-1]), steps[-1])))


def _in_the_way(comparison: Comparison, summary: Summary) -> Iterator[str]:
    """Yield what keeps a candidate back beside its verdict."""
    if summary.exit_reason != "finished":
        yield f"finish the run, which ended early ({summary.exit_reason})"
    if comparison.must_pass_missed:
        yield f"mend the {wording.plural(comparison.must_pass_missed, 'must_pass case')} that it missed"
    name = f"{comparison.candidate}: "
    fails = [one.removeprefix(name) for one in summary.breaches if one.startswith(name)]
    if others := [inline(words) for words in fails if not words.startswith("the verdict is ")]:
        yield f"settle what fails: {'; '.join(others)}"


def _more(comparison: Comparison) -> str:
    """Return what would settle an open verdict."""
    decision = comparison.decision
    lacking = any(one.too_many_unpaired and one.finding == "inconclusive" for one in decision.categories)
    if decision.too_many_unpaired or lacking:
        return f"mend or rerun the {wording.plural(comparison.unpaired, 'case')} without a verdict"
    return "add cases (llmupgrade cases LOG)"


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

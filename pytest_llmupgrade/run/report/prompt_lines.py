"""Prompts in words: the grid, what each cell comes to, which versions to revisit, which may be simplified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.run.report.spans import SHOWN
from pytest_llmupgrade.verdict.words import difference_words, verdict_words
from pytest_llmupgrade.wording import inline, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.run.prompt_effects import PromptCell, PromptEffects, Simplification
    from pytest_llmupgrade.run.report.verdict_lines import Emphasis


def grid(effects: PromptEffects) -> Iterator[tuple[str, ...]]:
    """Yield the grid's rows: the versions, then each model with its accuracy under each of them."""
    yield ("", *map(inline, effects.versions))
    cells = {(cell.model, cell.version): cell for cell in effects.cells}
    for model in effects.models:
        row = (cells.get((model, version)) for version in effects.versions)
        yield (inline(model), *(_accuracy(cell) for cell in row))


def _accuracy(cell: PromptCell | None) -> str:
    if cell is None or cell.accuracy is None:
        return "-"
    return f"{cell.passed}/{cell.judged} {wording.share(cell.accuracy)}{' (now)' if cell.now else ''}"


def effect_lines(effects: PromptEffects) -> Iterator[Emphasis]:
    """Yield what stands below a grid, each line with what it is."""
    if effects.told_apart:  # else the cells are the candidates, of which the report has said all
        yield from _cells(effects)
    yield from _revisit(effects)
    yield from _simplify(effects.simplifications)


# --- each cell against today's ---------------------------------------------------------------------


def _cells(effects: PromptEffects) -> Iterator[Emphasis]:
    now, paired = effects.now, [cell for cell in effects.cells if cell.decision is not None]
    if now is None or not paired:
        return
    yield f"each against {inline(now.model)} as it is told now, {inline(now.version)}", "title"
    for cell in paired:
        if cell.decision is not None:
            parts = (f"{len(cell.broke)} broke, {len(cell.fixed)} fixed", difference_words(cell.decision))
            yield f"{_of(cell)}: {', '.join(filter(None, parts))}: {verdict_words(cell.decision)}", ""
    if effects.together > 1:
        yield f"{effects.together} are tried, so each verdict has its share of the error (Bonferroni)", ""


def _of(cell: PromptCell) -> str:
    return f"{inline(cell.model)} with {inline(cell.version)}"


# --- to revisit ------------------------------------------------------------------------------------


def _revisit(effects: PromptEffects) -> Iterator[Emphasis]:
    if not any(cell.decision for cell in effects.cells):
        return
    yield "prompts to revisit", "title"
    for cell in effects.to_revisit:
        yield (
            f"{inline(effects.name)}, version {inline(cell.version)}, on {inline(cell.model)}: {_why(cell)}",
            "bad",
        )
    if not effects.to_revisit:
        yield "none: no version owns a regression", ""
    for model in effects.models:
        shared = dict.fromkeys(
            case
            for cell in effects.cells
            if cell.model == model and cell.owned is not None
            for case in cell.broke
            if case not in cell.owned
        )
        if shared:
            yield (
                f"not the prompt's: {inline(model)} misses {_named(tuple(shared))} with every version",
                "",
            )


def _why(cell: PromptCell) -> str:
    if cell.owned is None:
        return (
            f"{plural(len(cell.broke), 'case')} broke: {_named(cell.broke)}; whether by the prompt or by the model "
            "is not known: run it with more versions (--llm-prompts=VERSION,VERSION)"
        )
    whole = f" (as a whole {cell.decision.verdict.upper()})" if cell.decision else ""
    return f"{plural(len(cell.owned), 'case')} broke that another version passes there: {_named(cell.owned)}{whole}"


def _named(cases: Sequence[str]) -> str:
    names = [inline(case.rpartition("::")[2]) for case in cases[:SHOWN]]
    more = f" and {len(cases) - SHOWN} more" if len(cases) > SHOWN else ""
    return ", ".join(names) + more


# --- to simplify -----------------------------------------------------------------------------------


def _simplify(found: Sequence[Simplification]) -> Iterator[Emphasis]:
    if not found:
        return
    safe = [one for one in found if one.decision.verdict == "safe"]
    yield "prompts that can be simplified", "title"
    for one in safe:
        yield f"{_instead(one)} saves {_saving(one)}: {verdict_words(one.decision)}", "good"
    if not safe:
        yield "none is shown to be", ""
    for one in found:
        if one.decision.verdict == "inconclusive":
            yield f"{_instead(one)} would save {_saving(one)}: {verdict_words(one.decision)}", ""
        elif one.decision.verdict == "regression":
            yield (
                f"{_instead(one)} is worse, {difference_words(one.decision)}: keep {inline(one.longer)}",
                "",
            )


def _instead(one: Simplification) -> str:
    return f"{inline(one.model)}: {inline(one.shorter)} instead of {inline(one.longer)}"


def _saving(one: Simplification) -> str:
    tokens = f"{one.saved_tokens:,.0f} input tokens a call"
    if one.saved_per_1000_usd is None:
        return f"{tokens} ({wording.UNPRICED})"
    if one.saved_per_1000_usd < 0:
        return f"{tokens}, but costs {wording.money(-one.saved_per_1000_usd)} more per 1,000 calls"
    return f"{tokens} and {wording.money(one.saved_per_1000_usd)} per 1,000 calls"

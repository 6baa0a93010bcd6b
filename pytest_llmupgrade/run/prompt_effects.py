"""Prompt effect and model effect told apart: a grid of models and prompt versions, each cell paired with today's.

A regression is a version's own where the same model passes the same case with another version: the model can do it, and
this prompt keeps it from doing so. Where a model misses a case with every version that ran, the model is to blame, or
the case. With one version on a model the two cannot be told apart, and are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pytest_llmupgrade.model import JUDGED
from pytest_llmupgrade.run.cost_impact import Paid, mean_cost
from pytest_llmupgrade.run.pairing import Judged, changes, lost
from pytest_llmupgrade.variants import once_more
from pytest_llmupgrade.verdict import Evidence, decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from pytest_llmupgrade.model import PromptUse
    from pytest_llmupgrade.variants import Variant
    from pytest_llmupgrade.verdict import Decision, Rule


class Told(Judged, Paid, Protocol):
    """What the grid needs of a row."""

    @property
    def case_id(self) -> str: ...  # noqa: D102  said by run.record.Row
    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def variant(self) -> Variant: ...  # noqa: D102
    @property
    def prompt(self) -> PromptUse | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCell:
    """One model told one version of a prompt, on the cases of that prompt."""

    model: str
    version: str
    passed: int
    judged: int
    now: bool = False
    """It is what the incumbent is told now, which every other cell is paired with."""
    broke: tuple[str, ...] = ()
    """Cases that pass with what the incumbent is told now, and miss here."""
    fixed: tuple[str, ...] = ()
    owned: tuple[str, ...] | None = None
    """Of `broke`, those that this model passes with another version; None: no other version ran on it."""
    decision: Decision | None = None
    """None: it is what the incumbent is told now."""

    @property
    def accuracy(self) -> float | None:
        """Share of the judged cases that passed, 0 to 1; None where none was judged."""
        return self.passed / self.judged if self.judged else None

    @property
    def to_revisit(self) -> tuple[str, ...]:
        """The cases for which this version is to be revisited on this model: its own regressions, or all untold."""
        return self.broke if self.owned is None else self.owned


@dataclass(frozen=True, slots=True, kw_only=True)
class Simplification:
    """A shorter version beside a longer one on the same model."""

    model: str
    longer: str
    shorter: str
    decision: Decision
    """Whether the shorter one is no worse than the longer within the margin."""
    saved_tokens: float
    """Input tokens per call."""
    saved_per_1000_usd: Decimal | None
    """USD per 1,000 calls, input and output together; below 0 it costs more; None: unpriced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEffects:
    """One prompt's grid."""

    name: str
    cells: tuple[PromptCell, ...]
    together: int
    """How many verdicts share the error of one, over the grids of all prompts."""
    simplifications: tuple[Simplification, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The grid's rows, the incumbent first."""
        return tuple(dict.fromkeys(cell.model for cell in self.cells))

    @property
    def versions(self) -> tuple[str, ...]:
        """The grid's columns."""
        return tuple(dict.fromkeys(cell.version for cell in self.cells))

    @property
    def told_apart(self) -> bool:
        """Whether any model was told several versions."""
        return len({cell.model for cell in self.cells}) < len(self.cells)

    @property
    def now(self) -> PromptCell | None:
        """What the incumbent is told now."""
        return next((cell for cell in self.cells if cell.now), None)

    @property
    def to_revisit(self) -> tuple[PromptCell, ...]:
        """The cells that own regressions, the most first."""
        found = [cell for cell in self.cells if cell.to_revisit]
        return tuple(sorted(found, key=lambda cell: -len(cell.to_revisit)))


_Cell: TypeAlias = "Mapping[str, Told]"
_Grid: TypeAlias = "dict[tuple[str, str], dict[str, Told]]"


def prompt_effects(rows: Iterable[Told], incumbent: str | None, rule: Rule) -> tuple[PromptEffects, ...]:
    """Return each prompt's grid, by name; `incumbent` is the column that is in production now.

    All verdicts of all grids share the error of one (Bonferroni), so that trying more prompts makes none look safe.
    """
    grids: dict[str, _Grid] = {}
    before: dict[str, dict[str, Told]] = {}
    for row in rows:
        if row.prompt is None or (incumbent and row.model != incumbent and once_more(row.model, incumbent)):
            continue  # an A/A check says nothing of prompts
        if row.model == incumbent:
            before.setdefault(row.prompt.name, {})[row.case_id] = row
        if row.variant.version in (None, row.prompt.version):  # else a version that this prompt does not have
            label = row.model if row.model == incumbent else row.variant.model
            cell = grids.setdefault(row.prompt.name, {}).setdefault((label, row.prompt.version), {})
            cell.setdefault(row.case_id, row)
    nows = {name: _now(incumbent, before.get(name, {})) for name in grids}
    together = sum(key != nows[name] for name, grid in grids.items() for key in grid)
    pairs = {name: list(_pairs(grid)) for name, grid in grids.items()}
    cells_rule = replace(rule, together=max(1, together))
    pairs_rule = replace(rule, together=max(1, sum(map(len, pairs.values()))))
    return tuple(
        PromptEffects(
            name=name,
            cells=tuple(_cells(grid, before.get(name, {}), nows[name], cells_rule)),
            together=max(1, together),
            simplifications=tuple(_simplification(*pair, pairs_rule) for pair in pairs[name]),
        )
        for name, grid in sorted(grids.items())
    )


def _now(incumbent: str | None, before: _Cell) -> tuple[str, str] | None:
    version = next((row.prompt.version for row in before.values() if row.prompt is not None), None)
    return None if incumbent is None or version is None else (incumbent, version)


# --- the grid --------------------------------------------------------------------------------------


def _cells(grid: _Grid, before: _Cell, now: tuple[str, str] | None, rule: Rule) -> Iterator[PromptCell]:
    for (model, version), rows in grid.items():
        judged = [row for row in rows.values() if row.outcome in JUDGED]
        cell = PromptCell(
            model=model,
            version=version,
            passed=sum(row.outcome == "passed" for row in judged),
            judged=len(judged),
            now=(model, version) == now,
        )
        others = [other for key, other in grid.items() if key[0] == model and key[1] != version]
        yield cell if cell.now or now is None else _paired(cell, rows, before, others, rule)


def _paired(cell: PromptCell, rows: _Cell, before: _Cell, others: Sequence[_Cell], rule: Rule) -> PromptCell:
    changed = tuple(changes(before, rows))
    broke = tuple(case for case in rows if _went(before, rows, case) == ("passed", "missed"))
    missing = tuple(lost(before, rows))
    evidence = Evidence(changes=changed, unpaired=len(missing), lost=missing)
    return replace(
        cell,
        broke=broke,
        fixed=tuple(case for case in rows if _went(before, rows, case) == ("missed", "passed")),
        owned=tuple(case for case in broke if any(_passes(other, case) for other in others))
        if others
        else None,
        decision=decide(evidence, rule),
    )


def _went(before: _Cell, after: _Cell, case: str) -> tuple[str, str]:
    return (before[case].outcome if case in before else "", after[case].outcome)


def _passes(rows: _Cell, case: str) -> bool:
    return case in rows and rows[case].outcome == "passed"


# --- shorter versions ------------------------------------------------------------------------------


def _pairs(grid: _Grid) -> Iterator[tuple[str, tuple[str, _Cell], tuple[str, _Cell], float]]:
    """Yield (model, longer version, shorter version, input tokens saved per call) of versions on one model."""
    for ((model, first), rows), ((other, second), others) in combinations(grid.items(), 2):
        saved = _saved_tokens(rows, others) if model == other else 0.0
        if saved > 0:
            yield model, (first, rows), (second, others), saved
        elif saved < 0:
            yield model, (second, others), (first, rows), -saved


def _saved_tokens(longer: _Cell, shorter: _Cell) -> float:
    """Return the difference of the mean input tokens per call, on the cases that both answered."""
    saved = [
        longer[case].usage.input_tokens / longer[case].times - row.usage.input_tokens / row.times  # type: ignore[union-attr]
        for case, row in shorter.items()
        if row.usage is not None and case in longer and longer[case].usage is not None
    ]
    return sum(saved) / len(saved) if saved else 0.0


def _simplification(
    model: str, longer: tuple[str, _Cell], shorter: tuple[str, _Cell], saved_tokens: float, rule: Rule
) -> Simplification:
    (long_name, long_rows), (short_name, short_rows) = longer, shorter
    changed = tuple(changes(long_rows, short_rows))
    missing = tuple(lost(long_rows, short_rows))
    both = [case for case in long_rows if case in short_rows]
    cost, less = mean_cost(long_rows[case] for case in both), mean_cost(short_rows[case] for case in both)
    return Simplification(
        model=model,
        longer=long_name,
        shorter=short_name,
        decision=decide(Evidence(changes=changed, unpaired=len(missing), lost=missing), rule),
        saved_tokens=saved_tokens,
        saved_per_1000_usd=None if cost is None or less is None else (cost - less) * 1000,
    )

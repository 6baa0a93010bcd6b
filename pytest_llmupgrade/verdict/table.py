"""`[tool.llmupgrade.gate]`: what a candidate must keep to, read from pyproject.toml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from pytest_llmupgrade.verdict.rule import ALPHA_BY_LOOKS, Rule
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FailOn: TypeAlias = Literal["miss", "regression", "verdict"]
FAIL_ON: tuple[FailOn, ...] = get_args(FailOn)
WHERE = "tool.llmupgrade.gate"
SMALLEST_MARGIN_PP = 0.1
"""Percentage points; a smaller number is nearly always a share that was meant to be points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateTable:
    """The declared thresholds; None: not checked."""

    fail_on: FailOn | None = None
    """None: a miss with one model, a regression with several."""
    margin: float | None = None
    """Percentage points; None: 5."""
    looks: int = 1
    max_unpaired: float | None = None
    """A share of 0 to 1."""
    min_accuracy: float | None = None
    """A share of 0 to 1, of each candidate."""
    max_cost_ratio: float | None = None
    """Candidate's mean cost over the incumbent's."""
    max_p95_ratio: float | None = None
    """Candidate's p95 latency over the incumbent's."""
    category_margins: Mapping[str, float] = field(default_factory=dict)
    """Percentage points."""
    category_accuracies: Mapping[str, float] = field(default_factory=dict)
    """Shares of 0 to 1."""

    @property
    def has_thresholds(self) -> bool:
        """Whether anything is checked beside the items."""
        limits = (self.min_accuracy, self.max_cost_ratio, self.max_p95_ratio)
        return bool(self.category_accuracies) or any(limit is not None for limit in limits)

    def rule(self, *, margin_pp: float | None = None, look: int = 1) -> Rule:
        """Return the rule of the verdict; a margin in points wins over the declared one."""
        points = margin_pp if margin_pp is not None else self.margin
        return Rule(
            margin=Rule().margin if points is None else points / 100,
            category_margins={name: margin / 100 for name, margin in self.category_margins.items()},
            looks=self.looks,
            look=look,
            max_unpaired=Rule().max_unpaired if self.max_unpaired is None else self.max_unpaired,
        )


def gate_table(table: Mapping[str, Any]) -> GateTable:
    """Return the values of a table in which `gate_faults` found nothing."""
    plain = {key: value for key, value in table.items() if key != "categories"}
    categories: Mapping[str, Mapping[str, float]] = table.get("categories", {})
    return GateTable(
        **plain,
        category_margins={name: one["margin"] for name, one in categories.items() if "margin" in one},
        category_accuracies={
            name: one["min_accuracy"] for name, one in categories.items() if "min_accuracy" in one
        },
    )


# --- faults ----------------------------------------------------------------------------------------


def gate_faults(table: object) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong and what to write instead) for everything in the table that is."""
    yield from _faults(WHERE, table, _KEYS)
    categories = table.get("categories", {}) if isinstance(table, dict) else {}
    if not isinstance(categories, dict):
        yield "categories", f"[{WHERE}]: categories must be tables: [{WHERE}.categories.NAME]"
        return
    for name, one in categories.items():
        yield from _faults(f'{WHERE}.categories."{name}"', one, _CATEGORY_KEYS)


def _faults(where: str, table: object, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if not isinstance(table, dict):
        yield where.rpartition(".")[2].strip('"'), f"[{where}] must be a table"
        return
    for key, value in table.items():
        if key == "categories" and key in known:
            continue
        if key not in known:
            hint = nearest(key, known) or f"Known: {', '.join(known)}"
            yield key, f"[{where}]: unknown key {key!r}. {hint}"
        elif not _fits(known[key], value):
            yield key, f"[{where}]: {key} must be {known[key]}, not {value!r}"


_POINTS = f"percentage points, {SMALLEST_MARGIN_PP} to 50 (5 is five points)"
_SHARE = "a share of 0 to 1 (0.9 is 90 %)"
_RATIO = "a ratio above 0 (1.5 is half as much again)"
_LOOKS = f"{' or '.join(map(str, ALPHA_BY_LOOKS))}, the number of looks that are planned"
_FAIL = f"one of {', '.join(FAIL_ON)}"
_KEYS: Mapping[str, str] = {
    "fail_on": _FAIL,
    "margin": _POINTS,
    "looks": _LOOKS,
    "max_unpaired": _SHARE,
    "min_accuracy": _SHARE,
    "max_cost_ratio": _RATIO,
    "max_p95_ratio": _RATIO,
    "categories": "tables",
}
_CATEGORY_KEYS: Mapping[str, str] = {"margin": _POINTS, "min_accuracy": _SHARE}


def _fits(kind: str, value: object) -> bool:
    if kind == _FAIL:
        return value in FAIL_ON
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if kind == _LOOKS:
        return isinstance(value, int) and value in ALPHA_BY_LOOKS
    if kind == _POINTS:
        return is_margin(value)
    return 0 <= value <= 1 if kind == _SHARE else 0 < value < float("inf")


def is_margin(points: float) -> bool:
    """Whether a number can be a margin in percentage points."""
    return SMALLEST_MARGIN_PP <= points <= 50  # noqa: PLR2004  half of all cases is no margin any more

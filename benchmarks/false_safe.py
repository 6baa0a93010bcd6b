"""How often a model that is worse by exactly the margin is called SAFE: it should be one in twenty at most.

`python benchmarks/false_safe.py` prints the table that docs/statistics.md shows, `--write` puts it there,
`--check` fails where the document says something else than a fresh run.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from pytest_llmupgrade.stats import Pairs, tango, tango_z

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DOCUMENT = Path(__file__).parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- false_safe: begin -->", "<!-- false_safe: end -->"
SEED, UPGRADES = 20261123, 10_000
MARGINS = (0.02, 0.05)
DISCORDANCES = (0.02, 0.05, 0.1, 0.2, 0.3)
CASES = (60, 100, 200, 500, 1000)
ALLOWED = 0.055
ONE_SIDED_95 = NormalDist().inv_cdf(0.95)


class Cell(NamedTuple):
    """One setting: so many cases, on so many of which the models differ, the new one worse by the margin."""

    n: int
    discordance: float
    margin: float


class Rate(NamedTuple):
    """How often the upgrade was called SAFE."""

    simulated: float
    exact: float


@cache
def safe(broke: int, fixed: int, n: int, margin: float) -> bool:
    """Return the verdict as reports give it: the 90 % interval lies above minus the margin."""
    return tango(Pairs(broke=broke, fixed=fixed, n=n)).low > -margin


def tables(cell: Cell) -> dict[tuple[int, int], float]:
    """Return every table (broke, fixed) with its chance, but for those rarer than one in a billion."""
    broke = (cell.discordance + cell.margin) / 2
    fixed = (cell.discordance - cell.margin) / 2
    return {
        (b, c): chance_b * chance_c
        for b, chance_b in binomial(cell.n, broke)
        for c, chance_c in binomial(cell.n - b, fixed / (1 - broke))
    }


def binomial(n: int, share: float) -> Iterator[tuple[int, float]]:
    """Yield the likely numbers of successes, each with its chance."""
    if share <= 0:
        yield 0, 1.0
        return
    whole = math.lgamma(n + 1)
    for k in range(n + 1):
        ways = whole - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        chance = math.exp(ways + k * math.log(share) + (n - k) * math.log1p(-share))
        if chance > 1e-12:
            yield k, chance


def rate(cell: Cell, rng: random.Random) -> Rate:
    """Return the share of SAFE among drawn upgrades, and the exact share, by the test that the interval inverts."""
    chances = tables(cell)
    drawn = rng.choices(list(chances), weights=list(chances.values()), k=UPGRADES)
    simulated = sum(safe(b, c, cell.n, cell.margin) for b, c in drawn) / UPGRADES
    exact = math.fsum(
        chance
        for (b, c), chance in chances.items()
        if tango_z(Pairs(broke=b, fixed=c, n=cell.n), -cell.margin) > ONE_SIDED_95
    )
    return Rate(simulated, exact)


def rates() -> dict[Cell, Rate]:
    """Return the rate of every cell; a model cannot be worse by the margin where fewer cases differ."""
    rng = random.Random(SEED)  # noqa: S311  a simulation, and it must be repeatable
    cells = [Cell(n, share, margin) for margin in MARGINS for share in DISCORDANCES for n in CASES]
    return {cell: rate(cell, rng) for cell in cells if cell.discordance >= cell.margin}


def lines(found: dict[Cell, Rate]) -> Iterator[str]:
    """Yield the Markdown table: simulated share, and the exact one in brackets."""
    yield "| margin | models differ on | " + " | ".join(f"{n} cases" for n in CASES) + " |"
    yield "|---|---|" + "---|" * len(CASES)
    for margin, share in sorted({(cell.margin, cell.discordance) for cell in found}):
        row = [found[Cell(n, share, margin)] for n in CASES]
        shown = " | ".join(f"{one.simulated * 100:.2f} % ({one.exact * 100:.2f})" for one in row)
        yield f"| {margin * 100:.0f} pp | {share * 100:.0f} % | {shown} |"
    yield ""
    yield conclusion(found)


def conclusion(found: dict[Cell, Rate]) -> str:
    """Return in words which cells exceed what is allowed, in the draws and exactly."""
    worst = max(found, key=lambda cell: found[cell].exact)
    return (
        f"Above {ALLOWED * 100:.1f} % exactly: {named(cell for cell in found if found[cell].exact > ALLOWED)}. "
        f"Above it in these draws: {named(cell for cell in found if found[cell].simulated > ALLOWED)}. "
        f"The highest exact share is {found[worst].exact * 100:.2f} % ({named([worst])})."
    )


def named(cells: Iterable[Cell]) -> str:
    """Return cells in words."""
    words = [
        f"{cell.n} cases at {cell.discordance * 100:.0f} %, margin {cell.margin * 100:.0f} pp"
        for cell in cells
    ]
    return "; ".join(words) or "no cell"


def main() -> int:
    """Print, write or check the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the document differs")
    parser.add_argument("--write", action="store_true", help="put the table into the document")
    options = parser.parse_args()
    fresh = "\n".join(lines(rates()))
    if not (options.check or options.write):
        print(fresh)
        return 0
    document = DOCUMENT.read_text(encoding="utf-8")
    before, rest = document.split(BEGIN)
    shown, after = rest.split(END)
    if options.write:
        DOCUMENT.write_text(f"{before}{BEGIN}\n{fresh}\n{END}{after}", encoding="utf-8")
    elif shown.strip() != fresh:
        print(f"{DOCUMENT}: the table is not what a fresh run gives; run with --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

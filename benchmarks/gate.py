"""How often the gate errs and how soon it sees: false rollbacks, detection, false goes, sticky users, cost, traffic.

`python benchmarks/gate.py` prints the table that docs/gate.md shows, `--write` puts it there, `--check` fails where the
document says something else than a fresh run. The gate's own code decides (tests/rollout/rates.py); it takes minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.rollout.rates import (  # noqa: E402  its path
    Many,
    Rule,
    alone,
    cost_findings,
    ever,
    firsts,
    mismatched,
    sticky,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = ROOT / "docs" / "gate.md"
BEGIN, END = "<!-- gate: begin -->", "<!-- gate: end -->"
SEED, ROLLOUTS = 20261125, 2_000
MANY = Many(rollouts=ROLLOUTS, failing=3_000, seed=SEED)
ALL = 4  # metrics of the documentation's rollout


def false_rollbacks() -> Iterator[str]:
    """Yield rows for arms that do alike."""
    for share in (0.05, 0.25, 0.5):
        for metrics in (1, ALL):
            found = firsts(Rule(share, metrics=metrics), 1, "harm", MANY)
            yield row(
                f"rolled back by one metric of {metrics}, ratio 1, {share * 100:g} %",
                percent(ever(found)),
                "1.5 %",
            )


def detection() -> Iterator[str]:
    """Yield rows for harm: after how many requests of the new arm half, and 80 %, of the rollouts are rolled back."""
    for share, ratio, metrics, wanted in (
        (0.05, 2, 1, "-"),
        (0.05, 3, 1, "900"),
        (0.05, 3, ALL, "-"),
        (0.05, 5, ALL, "-"),
        (0.25, 2, ALL, "-"),
        (0.5, 1.5, ALL, "-"),
    ):
        found = firsts(Rule(share, metrics=metrics), ratio, "harm", MANY)
        shown = f"{within(found, 0.5):,.0f}; {within(found, 0.8):,.0f}"
        yield row(
            f"new arm's requests until caught (50 %; 80 %), ratio {ratio:g}, {share * 100:g} %, 1 metric of {metrics}",
            shown,
            wanted,
        )


def false_goes() -> Iterator[str]:
    """Yield rows for an arm that is worse by exactly what its step must exclude, and for one that is not."""
    for share, most in ((0.05, 3), (0.25, 1.5), (0.5, 1.25)):
        rule = Rule(share, most)
        found = firsts(rule, most, "pass", MANY)
        yield row(
            f"passed though {most:g}x as bad as the old arm, {share * 100:g} %", percent(ever(found)), "5 %"
        )
    for share, most in ((0.05, 3), (0.25, 1.5), (0.5, 1.25)):
        found = firsts(Rule(share, most), 1, "pass", MANY)
        shown = f"{within(found, 0.5):,.0f}; {within(found, 0.8):,.0f}"
        yield row(
            f"new arm's requests until {most:g}x is excluded (50 %; 80 %), ratio 1, {share * 100:g} %",
            shown,
            "-",
        )


def at_all_of_the_traffic() -> Iterator[str]:
    """Yield rows for the fixed limit that is left once there is no old arm."""
    for share in (0.05, 0.1):
        rng = np.random.default_rng(SEED)
        found = [alone(0.05, share, most=20_000, metrics=ALL, rng=rng) for _ in range(ROLLOUTS)]
        words = f"100 %, max_share 5 %, {share * 100:g} % fail, 1 metric of {ALL}"
        if share == 0.05:
            yield row(f"rolled back at {words}", percent(ever(found)), "1 %")
        else:
            shown = f"{within(found, 0.5):,.0f}; {within(found, 0.8):,.0f}"
            yield row(f"units until caught (50 %; 80 %) at {words}", shown, "-")


def others() -> Iterator[str]:
    """Yield rows for users who always fail, for costs, for the split of units."""
    rng = np.random.default_rng(SEED)
    found = [sticky(Rule(0.05), users=100, times=20, rng=rng) for _ in range(ROLLOUTS)]
    yield row(
        "rolled back, ratio 1, 5 %, 100 users who fail 20 times each",
        share_of(each for each, _ in found),
        "1.5 %",
    )
    yield row("the same if each failure were counted", share_of(each for _, each in found), "-")
    looks = [set(cost_findings(Rule(0.25), 1.25, most=20_000, every=100, rng=rng)) for _ in range(ROLLOUTS)]
    yield row("cost 1.25x, limit 1.25x, 25 %: called more", share_of("harm" in each for each in looks), "1 %")
    yield row("the same: called less", share_of("pass" in each for each in looks), "5 %")
    even = [mismatched(0.05, 0.05, most=20_000, every=20, rng=rng) for _ in range(ROLLOUTS)]
    yield row("units called mismatched, 5 % declared and true", share_of(even), "0.1 %")
    odd = [mismatched(0.05, 0.06, most=60_000, every=100, rng=rng) for _ in range(ROLLOUTS // 10)]
    yield row("units called mismatched, 5 % declared, 6 % true, of 60,000", share_of(odd), "-")


def share_of(found: Iterator[bool] | list[bool]) -> str:
    """Return in how many of the rollouts."""
    return percent(float(np.mean(list(found))))


def percent(share: float) -> str:
    """Return a share in words."""
    return f"{share * 100:.2f} %"


def row(what: str, shown: str, wanted: str) -> str:
    """Return a line of the table."""
    return f"| {what} | {shown} | {wanted} |"


def lines() -> Iterator[str]:
    """Yield the Markdown table."""
    yield f"| {ROLLOUTS:,} rollouts each, 1 % of the old arm's units fail | found | at most |"
    yield "|---|---|---|"
    for part in (false_rollbacks, detection, false_goes, at_all_of_the_traffic, others):
        yield from part()


def main() -> int:
    """Print, write or check the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the document differs")
    parser.add_argument("--write", action="store_true", help="put the table into the document")
    options = parser.parse_args()
    fresh = "\n".join(lines())
    if not (options.check or options.write):
        print(fresh)
        return 0
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    shown, after = rest.split(END)
    if options.write:
        DOCUMENT.write_text(f"{before}{BEGIN}\n{fresh}\n{END}{after}", encoding="utf-8")
    elif shown.strip() != fresh:
        print(f"{DOCUMENT}: the table is not what a fresh run gives; run with --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

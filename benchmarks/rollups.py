"""How long a day's rollups take to be merged: `llmupgrade rollout watch` does it again and again.

```text
python benchmarks/rollups.py [processes]      # default 4: a rollup a minute and arm, 150 units in each
```
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from pytest_llmupgrade.rollout.config import ARMS
from pytest_llmupgrade.rollout.reading import read_folder
from pytest_llmupgrade.rollout.rollups import Counts, Key, Rollup, to_line

MINUTES = 1440
UNITS = 150


def main() -> None:
    """Write them, read them, and print what it took."""
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    rng = random.Random(7)  # noqa: S311  seeded data
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for number in range(processes):
            with (folder / f"rollups-host-{number}.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in day(f"host-{number}", rng))
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        started = time.process_time()
        found = read_folder(folder)
        took = time.process_time() - started
    units = sum(len(counts.units) for counts in found.counts.values())
    print(f"{processes} processes, a day: {size:.0f} MB, {units:,} units: CPU {took:.1f} s")


def day(process: str, rng: random.Random) -> list[str]:
    """Return a day's lines of a process."""
    lines = []
    for minute in range(MINUTES):
        for arm in ARMS:
            units = frozenset(rng.getrandbits(64) for _ in range(UNITS))
            counts = Counts(requests=2 * UNITS, units=units, first_ms=minute, last_ms=minute)
            key = Key(rollout="r", mode="live", step=5.0, arm=arm)
            lines.append(
                to_line(
                    Rollup(
                        process=process, minute=minute, through=minute, rows=len(ARMS), key=key, counts=counts
                    )
                )
            )
    return lines


if __name__ == "__main__":
    main()

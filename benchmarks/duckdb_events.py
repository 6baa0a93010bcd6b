"""Raw events by the hundred million: how long DuckDB takes to count them for the gate, beside the line by line reader.

```text
python benchmarks/duckdb_events.py [events]      # default 100,000,000, as Parquet in a temporary folder
```

The events are made by DuckDB itself (seeded by their number): one rollout at 5 %, ten requests of a conversation, one
per cent of them failing and five per cent slow in either arm, one in twenty rated. A slice of them, as JSON lines, is
counted by both readers, which must agree.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pytest_llmupgrade.rollout.gate import evaluate
from pytest_llmupgrade.rollout.loading import parse_rollout
from pytest_llmupgrade.rollout.raw_events import read_events
from pytest_llmupgrade.rollout.reading import recount

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.rollout.reading import Found

SLICE = 200_000
NOW_MS = 1_800_000_000_000
FILE = b"""\
rollout: {id: lake, unit: conversation}
arms: {old: {model: gpt-3.5-turbo}, new: {model: gpt-4o}}
percent: 5
steps: [{percent: 5, max_ratio: 1.5}, {percent: 100}]
metrics:
  error: {type: event}
  slow: {type: event, threshold_ms: 2400}
  bad: {type: event, source: rating}
  cost_usd: {type: mean, max_ratio: 3}
sink: {path: none}
"""
CALLS = """
WITH numbers AS (SELECT range AS n, range // 10 AS conversation FROM range({events})),
draws AS (
  SELECT n, hash(conversation) AS unit, hash(n, 1) % 10000 AS fails, hash(n, 2) % 10000 AS slow,
    (hash(n, 3) % 100000) / 1000.0 AS part, hash(n, 4) % 20 = 0 AS rates, hash(n, 5) % 10 = 0 AS dislikes FROM numbers),
calls AS (SELECT *, CASE WHEN unit < 922337203685477580 THEN 'new' ELSE 'old' END AS arm FROM draws)
SELECT n AS seq, 1 AS v, CASE WHEN rates THEN 'rating' ELSE 'call' END AS type,
  1799990000000 + n // 10000 AS t, 'lake' AS rollout, 'live' AS mode, 5.0::DOUBLE AS step,
  printf('%s5-%016x-0000%x', arm[1], unit, n) AS "call", printf('%016x', unit) AS unit, arm,
  CASE WHEN fails < 100 THEN NULL ELSE arm END AS served,
  CASE WHEN slow < 500 THEN 2500 + part ELSE 400 + part END AS ms,
  [200 + n % 100, 0, 20 + n % 10] AS tokens, '0.000' || (100 + n % 100) AS cost_usd,
  CASE WHEN fails < 100 THEN 'timeout' END AS error,
  CASE WHEN rates THEN CASE WHEN dislikes THEN ['bad'] END
    WHEN fails < 100 AND slow < 500 THEN ['error', 'slow']
    WHEN fails < 100 THEN ['error'] WHEN slow < 500 THEN ['slow'] END AS hits
FROM calls
"""


def made(folder: Path, events: int) -> tuple[str, Path]:
    """Write the events as Parquet, and a slice of them as a process's JSON lines."""
    parquet, lines = folder / "events.parquet", folder / "events-bench-00001.jsonl"
    with duckdb.connect(config={"temp_directory": str(folder)}) as base:
        base.execute(f"COPY ({CALLS.format(events=events)}) TO '{parquet}'")
        query = f"SELECT * FROM ({CALLS.format(events=min(SLICE, events))})"
        rows = f"SELECT replace(to_json(e)::VARCHAR, '\"hits\":null', '\"hits\":[]') FROM ({query}) e"
        with lines.open("w", encoding="utf-8") as file:
            for (line,) in base.execute(rows).fetchall():
                file.write(line.replace(',"error":null', "") + "\n")
    return str(parquet), lines


def agree(one: Found, other: Found) -> bool:
    """Return whether two readers counted alike."""
    return one.counts.keys() == other.counts.keys() and all(
        (mine.requests, len(mine.units), len(mine.rated), mine.latency, mine.errors, mine.events)
        == (yours.requests, len(yours.units), len(yours.rated), yours.latency, yours.errors, yours.events)
        and {name: len(units) for name, units in mine.failed.items()}
        == {name: len(units) for name, units in yours.failed.items()}
        for mine, yours in ((one.counts[key], other.counts[key]) for key in one.counts)
    )


def timed(read: Callable[[], Found], what: str, count: int) -> Found:
    """Read, and print how long it took; the CPU's seconds say more where other work is running."""
    clock, cpu = time.perf_counter(), time.process_time()
    found = read()
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(
        f"{what}: {count:,} events in {clock:.1f} s, CPU {cpu:.1f} s, {count / cpu / 1e6:.2f} M per CPU second"
    )
    return found


def main() -> None:
    """Make them, count them, and let the gate read them."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000_000
    rollout = parse_rollout(FILE, file="rollout.yaml")
    with tempfile.TemporaryDirectory() as text:
        parquet, lines = made(Path(text), events)
        print(f"{events:,} events are {Path(parquet).stat().st_size / 1e9:.1f} GB of Parquet")
        found = timed(lambda: read_events([parquet], rollout="lake"), "DuckDB, Parquet", events)
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
        few = min(SLICE, events)
        slow = timed(lambda: recount(lines.parent), "line by line, JSON lines", few)
        fast = timed(lambda: read_events([str(lines)]), "DuckDB, JSON lines", few)
        print(f"both readers agree on these: {agree(slow, fast)}")
    started = time.perf_counter()
    reading = evaluate(rollout, found.counts, now_ms=NOW_MS)
    print(f"the gate on all of them: {time.perf_counter() - started:.3f} s")
    for check in reading.checks:
        print(f"  {check.finding:8} {check.name}: {check.words}")


if __name__ == "__main__":
    main()

"""Memory and rate of `llmupgrade cases` on a large log, as JSON lines and as .zst, on one core.

The rate is by processor time, so that a busy machine does not show.

Run: python benchmarks/logs.py [RECORDS]. A million records are about 1 GB. The wanted: 50 MB/s and under 300 MB.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WANTED_MB_S = 50
WANTED_MB = 300
CATEGORIES = ("billing", "orders", "returns", "account")
LEVELS = ("easy", "medium", "hard")
WORDS = [
    "order",
    "refund",
    "shoe",
    "late",
    "parcel",
    "invoice",
    "account",
    "card",
    "broken",
    "return",
    "label",
    "help",
    "please",
    "thanks",
    "why",
    "when",
]
"""Real prompts repeat their system prompt; questions and answers vary."""


def write(path: Path, count: int) -> None:
    """Write a log of about 1 KB for each record, one in ten a duplicate."""
    random.seed(1)
    system = "You are the support agent of Nordic Shop. " + "Answer briefly and politely. " * 8
    question = "hello"
    with path.open("w", encoding="utf-8") as log:
        for number in range(count):
            if number % 10:
                question = f"{' '.join(random.choices(WORDS, k=30))} {number}"  # noqa: S311  test data
            record = {
                "messages": [{"role": "system", "content": system}, {"role": "user", "content": question}],
                "assistant_response": " ".join(random.choices(WORDS, k=50)),  # noqa: S311  test data
                "user_rating": number % 5 + 1,
                "category": CATEGORIES[number % 4],
                "difficulty": LEVELS[number % 3],
            }
            log.write(json.dumps(record) + "\n")


def made(log: Path, folder: Path) -> tuple[float, float, int]:
    """Return seconds by the clock and of the processor, and peak bytes, of one command."""
    command = [
        sys.executable,
        "-m",
        "pytest_llmupgrade.cli",
        "cases",
        str(log),
        "-o",
        str(folder / "eval_logs.yaml"),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([*command, "--sample", "200", "--min-rating", "4", "--force"], check=True)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return seconds, busy, used.ru_maxrss * 1024


def packed(log: Path) -> Path:
    """Return the log as .zst."""
    import zstandard

    path = log.with_suffix(".jsonl.zst")
    with log.open("rb") as source, path.open("wb") as target:
        zstandard.ZstdCompressor().copy_stream(source, target)
    return path


def main() -> int:
    """Print the figures; exit code 1 where they are not as wanted."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "production.jsonl"
        write(log, count)
        size = log.stat().st_size / 1e6
        slow = False
        for path in (log, packed(log)):
            seconds, busy, peak = made(path, folder)
            slow |= size / busy < WANTED_MB_S or peak > WANTED_MB * 1e6
            print(
                f"{path.suffix:6} {count:,} records, {size:,.0f} MB in {seconds:.1f} s: {size / seconds:.0f} MB/s by the clock,"
            )
            print(
                f"       {size / busy:.0f} MB/s of processor time, {count / busy:,.0f} records/s, peak {peak / 1e6:.0f} MB"
            )
    return int(slow)


if __name__ == "__main__":
    raise SystemExit(main())

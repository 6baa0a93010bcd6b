"""What Python objects a finished item keeps until the session ends, beyond what pytest keeps of a plain test.

Run: python benchmarks/kept_memory.py [ITEMS ITEMS]. Traced by tracemalloc at the session's end, as the slope between two
sizes: of a run, less that of its collection, less the same of plain tests. growth.py measures the process's peak instead,
with what the allocator holds and what the report takes for a moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from echo import echo
from run import project

TRACED = """
import gc, sys, tracemalloc
import pytest

class Look:
    def pytest_sessionfinish(self):
        gc.collect()
        print(tracemalloc.get_traced_memory()[0], file=sys.stderr)

tracemalloc.start()
raise SystemExit(pytest.main(sys.argv[1:], plugins=[Look()]))
"""
OURS = (
    "-p",
    "pytest_llmupgrade.plugin",
    "eval_returns.yaml",
    "--llm-models=old,new",
    "--llm-concurrency=100",
)
PLAIN = ("test_plain.py",)


def traced(folder: Path, *arguments: str) -> int:
    """Return the bytes that are alive when a run of pytest ends."""
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-c", TRACED, "-q", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return int(done.stderr.split()[-1])


def main(small: int, large: int) -> None:
    """Measure both sizes and print the slopes."""
    found: dict[tuple[str, ...], list[int]] = {}
    with echo(0) as base_url:
        for items in (small, large):
            with tempfile.TemporaryDirectory() as home:
                project(Path(home), base_url, items // 2)
                for kind in (PLAIN, (*PLAIN, "--co"), OURS, (*OURS, "--co")):
                    found.setdefault(kind, []).append(traced(Path(home), *kind))
    plain, listed, ours, collected = ((after - before) / (large - small) for before, after in found.values())
    print(
        f"{small:,} to {large:,} items: a finished item keeps {ours - collected:,.0f} bytes, a plain test "
        f"{plain - listed:,.0f}; beyond pytest's own: {ours - collected - (plain - listed):,.0f}"
    )


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:]) if sys.argv[1:] else (4_000, 16_000)))

"""How time and memory of a run grow with its items, beside as many plain tests: 1,000, 10,000 and 50,000 by default.

Run: python benchmarks/growth.py [ITEMS...]. Time is CPU, which a loaded machine changes least; memory is the process's
peak. What a finished item takes is the slope of a run between two sizes, less the slope of the same items only collected;
beyond pytest's own it is that less the same of the plain tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from echo import calls_so_far, echo
from run import project

MEASURED = """
import resource, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module("pytest", run_name="__main__")
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""


def measured(folder: Path, *arguments: str) -> tuple[float, float]:
    """Return CPU seconds and peak bytes of a run of pytest."""
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", MEASURED, "pytest", "-q", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    seconds, peak = done.stderr.split()[-2:]
    return float(seconds), int(peak) * 1024.0


def main(*sizes: int) -> None:
    """Measure each size once and print times, and the slopes of memory."""
    ours, plain, collected, listed = [], [], [], []
    run = [
        "-p",
        "pytest_llmupgrade.plugin",
        "eval_returns.yaml",
        "--llm-models=old,new",
        "--llm-concurrency=100",
    ]
    with echo(0) as base_url:
        for items in sizes:
            with tempfile.TemporaryDirectory() as home:
                project(Path(home), base_url, items // 2)
                before = calls_so_far(base_url)
                plain.append(measured(Path(home), "test_plain.py"))
                listed.append(measured(Path(home), "test_plain.py", "--co"))
                collected.append(measured(Path(home), *run, "--co"))
                ours.append(measured(Path(home), *run))
                calls = calls_so_far(base_url) - before
            seconds, peak = ours[-1]
            print(
                f"{items:,} items: {seconds:.1f} s of CPU, {1000 * seconds / items:.2f} ms an item, "
                f"peak {peak / 1e6:.0f} MB (plain tests {plain[-1][0]:.1f} s, {plain[-1][1] / 1e6:.0f} MB), "
                f"{calls:,} requests",
                flush=True,
            )
    for at in range(1, len(sizes)):
        more = sizes[at] - sizes[at - 1]
        run_, plain_, collected_, listed_ = (
            (side[at][1] - side[at - 1][1]) / more for side in (ours, plain, collected, listed)
        )
        print(
            f"{sizes[at - 1]:,} to {sizes[at]:,} items: {run_:,.0f} bytes an item, of them {collected_:,.0f} once collected "
            f"(plain tests {plain_:,.0f} and {listed_:,.0f}); a finished item beyond pytest's own: "
            f"{run_ - collected_ - (plain_ - listed_):,.0f}"
        )


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:]) if sys.argv[1:] else (1_000, 10_000, 50_000)))

"""What the plugin adds to pytest's start-up in a project without eval files, in milliseconds.

Run: python benchmarks/startup.py. Runs with and without the plugin alternate; the least of each counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15
LIMIT_MS = 30.0


def timed(folder: Path, *arguments: str) -> float:
    """Return the milliseconds that one pytest start takes."""
    command = [sys.executable, "-m", "pytest", "-q", "--co", "-p", "no:cacheprovider", *arguments]
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return (time.perf_counter() - start) * 1000


def main() -> int:
    """Print the figures; exit 1 where the plugin adds more than the limit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        pairs = [(timed(folder, "-p", "no:llmupgrade"), timed(folder)) for _ in range(ROUNDS)]
    without, with_plugin = (min(column) for column in zip(*pairs, strict=True))
    figures = {
        "pytest_ms": round(without, 1),
        "with_plugin_ms": round(with_plugin, 1),
        "added_ms": round(with_plugin - without, 1),
        "ratio": round(with_plugin / without, 3),
    }
    print(json.dumps(figures))
    return int(with_plugin - without > LIMIT_MS)


if __name__ == "__main__":
    raise SystemExit(main())

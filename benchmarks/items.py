"""Cost per item beside a plain parametrized Python function, collection and run, as ratios within one run.

Run: python benchmarks/items.py [CASES]. An instant completer stands in for the network, so that what is measured is
this package's own cost.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 1.5

PLAIN = """
import pytest

@pytest.mark.parametrize("model", ["old", "new"])
@pytest.mark.parametrize("number", range({cases}))
def test_case(number, model):
    assert number >= 0
"""

CASE = """\
  - id: case-{number}
    input: How long do I have to return item {number}?
    expected: 30 days
    category: {category}
    difficulty: easy
    judge: contains
"""

INSTANT = """
from pytest_llmupgrade import Completion, Usage
from pytest_llmupgrade.plugin.keys import SESSION


class Instant:
    answer = Completion(
        text="You have 30 days.", usage=Usage(input_tokens=10, output_tokens=5), latency_ms=1.0, model="m"
    )

    def complete(self, request):
        return self.answer

    def close(self):
        pass


def pytest_sessionstart(session):
    session.config.stash[SESSION]._completer = Instant()
"""


def timed(folder: Path, *arguments: str) -> float:
    """Return the seconds that one pytest run takes."""
    start = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
    ]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return time.perf_counter() - start


def best(folder: Path, *arguments: str, rounds: int = 3) -> float:
    """Return the least of several runs: the one that the machine disturbed least."""
    return min(timed(folder, *arguments) for _ in range(rounds))


def make(folder: Path, cases: int) -> tuple[Path, Path]:
    """Write both suites and return their folders."""
    plain, evals = folder / "plain", folder / "evals"
    plain.mkdir()
    evals.mkdir()
    (plain / "test_plain.py").write_text(PLAIN.format(cases=cases))
    (plain / "pyproject.toml").write_text("")
    body = "".join(CASE.format(number=number, category=f"c{number % 5}") for number in range(cases))
    (evals / "eval_many.yaml").write_text(f"cases:\n{body}")
    (evals / "conftest.py").write_text(INSTANT)
    (evals / "pyproject.toml").write_text("")
    return plain, evals


def main() -> int:
    """Print the ratios; exit 1 where the whole run costs more than the limit."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        plain, evals = make(Path(name), cases)
        models = ("--llm-models=local-a,local-b",)
        (evals / "pyproject.toml").write_text(
            "".join(
                f'[tool.llmupgrade.models.{model}]\nbase_url = "http://127.0.0.1:9"\nprice = {{input = 1, output = 2}}\n'
                for model in ("local-a", "local-b")
            )
        )
        collect_plain, collect_evals = best(plain, "--co"), best(evals, "--co", *models)
        run_plain, run_evals = best(plain), best(evals, *models)
    items = 2 * cases
    figures = {
        "items": items,
        "collect_ms_per_item": [round(1000 * t / items, 3) for t in (collect_plain, collect_evals)],
        "whole_ms_per_item": [round(1000 * t / items, 3) for t in (run_plain, run_evals)],
        "whole_ratio": round(run_evals / run_plain, 2),
    }
    print(json.dumps(figures))
    return int(run_evals / run_plain > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())

"""A whole run of pytest beside a bare asyncio program that makes the same calls, as ratios within one run.

```text
python benchmarks/run.py [cases] [latency in ms] [concurrency] [rounds]
```

Both are processes of their own, measured from their start to their end, and ask the same server, which is a third.
The bare program is what one writes by hand: AsyncOpenAI, a semaphore, gather; it knows its questions, keeps no answer
and judges none. The run reads its cases from YAML, asks two models, keeps each answer durably, judges it, and reports.
With 0 ms the ratio of CPU leaves out what pytest itself needs for as many items of the same shape (functions, marks,
fixtures, columns) that do nothing, with as many workers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from echo import calls_so_far, echo

BARE = """
import asyncio, sys
from openai import AsyncOpenAI

async def main(base_url, cases, concurrency):
    client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
    room = asyncio.Semaphore(concurrency)

    async def one(model, number):
        async with room:
            asked = [{"role": "user", "content": f"How long do I have to return item {number}?"}]
            answer = await client.chat.completions.create(model=model, messages=asked)
        assert str(number) in answer.choices[0].message.content

    await asyncio.gather(*(one(model, number) for number in range(cases) for model in ("old", "new")))
    await client.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""

PLAIN = """
from types import FunctionType

import pytest


@pytest.fixture(scope="session")
def target():
    return None


@pytest.fixture(scope="session")
def contains():
    return None


@pytest.fixture
def judged(request, model, target):
    return request.getfixturevalue("contains") is None


def case(judged):
    assert judged


for number in range({cases}):
    function = FunctionType(case.__code__, globals(), f"test_{{number}}")
    for mark in (pytest.mark.usefixtures("contains"), pytest.mark.general, pytest.mark.medium):
        function = mark(function)
    globals()[function.__name__] = pytest.mark.parametrize("model", ["old", "new"])(function)
"""

WORKERS: dict[str, list[str]] = {"": [], " -n 2": ["-p", "xdist", "-n2"], " -n 4": ["-p", "xdist", "-n4"]}

CASE = """\
  - id: case-{number}
    input: How long do I have to return item {number}?
    expected: "{number}"
    judge: contains
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and those it started took, seconds."""

    wall: float
    cpu: float


def cost(command: list[str], folder: Path) -> Cost:
    """Run a command to its end; its exit code must be 0."""
    wall, before = time.perf_counter(), os.times()
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles every module in every run
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - wall, os.times()
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, used)


def project(folder: Path, base_url: str, cases: int) -> None:
    """Write a suite of so many cases, and as many plain tests."""
    suite = "cases:\n" + "".join(CASE.format(number=number) for number in range(cases))
    (folder / "eval_returns.yaml").write_text(suite)
    (folder / "test_plain.py").write_text(PLAIN.format(cases=cases))
    (folder / "bare.py").write_text(BARE)
    table = "".join(
        f'[tool.llmupgrade.models.{model}]\nbase_url = "{base_url}"\n' for model in ("old", "new")
    )
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n" + table)


def pytest_command(*flags: str) -> list[str]:
    """Return a run of pytest; the plugins that have no part in it stay out."""
    return [sys.executable, "-m", "pytest", "-q", *flags]


def main(cases: int = 500, latency_ms: int = 200, concurrency: int = 100, rounds: int = 3) -> None:
    """Measure in turn, and print the medians of the rounds' ratios."""
    with tempfile.TemporaryDirectory() as home, echo(latency_ms) as base_url:
        folder = Path(home)
        project(folder, base_url, cases)
        run = [
            "-p",
            "pytest_llmupgrade.plugin",
            "eval_returns.yaml",
            "--llm-models=old,new",
            "--llm-fresh",
            f"--llm-concurrency={concurrency}",
        ]
        programs = {
            "bare": [sys.executable, "bare.py", base_url, str(cases), str(concurrency)],
            **{
                f"{what}{name}": pytest_command(*flags, *workers)
                for name, workers in WORKERS.items()
                for what, flags in (("plain tests", ["test_plain.py"]), ("pytest", run))
            },
        }
        taken: dict[str, list[Cost]] = {name: [] for name in programs}
        asked: dict[str, set[int]] = {name: set() for name in programs}
        for _ in range(rounds):
            for name, command in programs.items():
                before = calls_so_far(base_url)
                taken[name].append(cost(command, folder))
                asked[name].add(calls_so_far(base_url) - before)
    print(
        f"{cases} cases x 2 models, {latency_ms} ms, {concurrency} at once, medians of {rounds}, whole processes"
    )
    for name, costs in taken.items():
        wall, cpu = (median(getattr(one, field) for one in costs) for field in ("wall", "cpu"))
        ratio = median(ours.wall / bare.wall for ours, bare in zip(costs, taken["bare"], strict=True))
        alike = taken[name.replace("pytest", "plain tests")]
        beyond = median(
            (ours.cpu - plain.cpu) / bare.cpu
            for ours, bare, plain in zip(costs, taken["bare"], alike, strict=True)
        )
        calls = json.dumps(sorted(asked[name]))
        print(f"{name}: {wall:.2f} s ({ratio:.2f} x bare), CPU {cpu:.2f} s, requests {calls}", end="")
        print(f"; CPU beyond the plain tests' {beyond:.2f} x bare" if name.startswith("pytest") else "")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

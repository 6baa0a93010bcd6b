"""What the router adds to a call, and whether it ever raises by itself.

```text
python benchmarks/router.py overhead [calls]     # beside a bare call of the same callable, metrics on
python benchmarks/router.py faults [calls]       # default 1,000,000, with faults injected everywhere
python benchmarks/router.py stops [processes]    # how long the kill switch takes, and who moves when the share rises
```
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from pytest_llmupgrade import ModelRouter
from pytest_llmupgrade.rollout.reading import read_folder, recount

FILE = """\
rollout: {{id: bench, unit: conversation}}
arms:
  old: {{model: gpt-3.5-turbo}}
  new: {{model: gpt-4o}}
percent: {percent}
steps:
  - {{percent: 5, max_ratio: 3}}
  - {{percent: 25, max_ratio: 1.5}}
  - {{percent: 50, max_ratio: 1.5}}
  - {{percent: 100}}
metrics:
  error: {{type: event}}
  slow: {{type: event, threshold_ms: 2400}}
  cost_usd: {{type: mean, max_ratio: 3}}
fallback: {{on: [timeout, rate_limit, 5xx]}}
breaker: {{min_requests: 1000000}}
sink: {{path: ./pilot}}
"""
ANSWER = {"text": "hello", "usage": {"prompt_tokens": 100, "completion_tokens": 20}}


def written(folder: Path, percent: float) -> Path:
    """Write a rollout file as an editor does, in one step."""
    path, draft = folder / "rollout.yaml", folder / "draft"
    draft.write_text(FILE.format(percent=percent), encoding="utf-8")
    draft.replace(path)
    return path


def answer(_messages: Any) -> Any:
    """Stand for the model's client, at no cost."""
    return ANSWER


# --- overhead --------------------------------------------------------------------------------------


def overhead(calls: int) -> None:
    """Print the quantiles of single calls, bare and routed, and the CPU of both threads per call."""
    with tempfile.TemporaryDirectory() as folder:
        router = ModelRouter.from_file(written(Path(folder), 50), old=answer, new=answer)
        messages = [{"role": "user", "content": "hello"}]
        units = [f"conversation-{number % 5000}" for number in range(calls)]
        router.call(messages, unit="warm")
        router.flush()
        # A product's calls are far apart; here the writer is let in between batches, as it would be there.
        bare, routed = [], []
        cpu = time.process_time()
        for start in range(0, calls, 500):
            bare += timed(lambda unit: answer(messages), units[start : start + 500])  # noqa: ARG005  the same loop
            routed += timed(lambda unit: router.call(messages, unit=unit), units[start : start + 500])
            router.flush()
        cpu = time.process_time() - cpu
        router.close()
        found = read_folder(Path(folder) / "pilot")
        counted = sum(each.requests for each in found.counts.values())
    for name, taken in (("bare", bare), ("routed", routed)):
        cut = statistics.quantiles(taken, n=100)
        print(f"{name:7} median {cut[49]:6.2f} us   p95 {cut[94]:6.2f} us   p99 {cut[98]:7.2f} us")
    added = statistics.median(routed) - statistics.median(bare)
    print(f"added at the median: {added:.2f} us; CPU per call, writing included: {cpu / calls * 1e6:.1f} us")
    print(f"{counted - 1:,} of {calls:,} calls are in the records; lost {found.lost}")


def timed(call: Any, units: list[str]) -> list[float]:
    """Return the microseconds of each call."""
    taken = []
    for unit in units:
        started = time.perf_counter_ns()
        call(unit)
        taken.append((time.perf_counter_ns() - started) / 1000)
    return taken


# --- faults ----------------------------------------------------------------------------------------


class ProviderError(Exception):
    """What a provider does."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status_code = status


class Hostile:
    """An answer whose usage raises when it is read."""

    @property
    def usage(self) -> Any:
        """Raise."""
        raise RuntimeError("usage")


def faults(calls: int) -> None:
    """Inject faults into arms, disk, file and clock; count what reaches a caller that no arm raised."""
    logging.disable(logging.CRITICAL)
    rng = random.Random(7)  # noqa: S311  a seeded benchmark

    def arm(_messages: Any) -> Any:
        draw = rng.random()
        if draw < 0.10:
            error = [ProviderError(429), ProviderError(503), TimeoutError(), KeyError("x")][int(draw * 40)]
            last.append(error)
            raise error
        return Hostile() if draw < 0.12 else ANSWER

    last: list[BaseException] = []
    own, through = 0, 0
    kinds: set[str] = set()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        router = ModelRouter.from_file(written(folder, 50), old=arm, new=arm)
        disk = Disk(rng)
        for number in range(calls):
            if number % 1000 == 0:
                disturb(rng, folder, router, disk)
            last.clear()
            try:
                router.call("hello", unit=hostile_unit(rng, number))
            except BaseException as error:  # noqa: BLE001  the benchmark's very question
                if any(error is each for each in last):
                    through += 1
                else:
                    own += 1
                    kinds.add(repr(error))
        disk.mend()
        router.flush()
        health = router.health()
        router.close()
        found, twin = read_folder(folder / "pilot"), recount(folder / "pilot")
    equal = {k: v.requests for k, v in found.counts.items()} == {
        k: v.requests for k, v in twin.counts.items()
    }
    print(
        f"{calls:,} calls: {own} exceptions of the router's own reached a caller, {through:,} of the arms' did"
    )
    print(*kinds, sep="\n", end="")
    print(
        f"own faults kept from requests: {health.own_faults:,}; written {health.written:,}, lost {health.lost:,}"
    )
    print(f"torn lines {found.torn}, said to be lost {found.lost:,}; rollups equal a recount: {equal}")


def hostile_unit(rng: random.Random, number: int) -> Any:
    """Return a unit, now and then one that is no text or hardly one."""
    draw = rng.random()
    if draw < 0.97:
        return f"unit-{number % 20_000}"
    return rng.choice([None, 7, "\ud800", "", "x" * 10_000, Unprintable()])


class Unprintable:
    """A unit that cannot be said."""

    def __str__(self) -> str:
        raise RuntimeError("unit")

    __repr__ = __str__


class Disk:
    """The disk's faults: `os.write` fails, or takes a part."""

    def __init__(self, rng: random.Random) -> None:
        self._rng, self._real = rng, os.write

    def break_(self) -> None:
        """Make most writes of the records fail half way."""

        def write(handle: int, data: bytes) -> int:
            if self._rng.random() < 0.5 and len(data) > 10:
                return self._real(handle, bytes(data)[: len(data) // 2])
            raise OSError(28, "No space left on device")

        os.write = write

    def mend(self) -> None:
        """Give the disk back."""
        os.write = self._real


def disturb(rng: random.Random, folder: Path, router: ModelRouter, disk: Disk) -> None:
    """Change one thing for the next thousand calls."""
    disk.mend()
    path = folder / "rollout.yaml"
    action = rng.randrange(8)
    if action == 0:
        disk.break_()
    elif action == 1:
        path.write_text("rollout: {id: [")
    elif action == 2:
        path.unlink(missing_ok=True)
    elif action == 3:
        (folder / "pilot" / "KILL").touch()
    elif action == 4:
        (folder / "pilot" / "state.json").write_bytes(b"\xff{")
    elif action == 5:
        (folder / "pilot" / "KILL").unlink(missing_ok=True)
    else:
        written(folder, rng.choice([5, 25, 50, 100]))
    router.poll()
    router.flush()


# --- stops -----------------------------------------------------------------------------------------


def serve(path: str, stop_at: float, out: Any) -> None:
    """Serve requests until a time; report when each unit had which arm."""
    seen: list[str] = []

    def arm(name: str) -> Any:
        def call(_messages: Any) -> Any:
            seen.append(name)
            return ANSWER

        return call

    router = ModelRouter.from_file(path, old=arm("old"), new=arm("new"))
    rng = random.Random(os.getpid())  # noqa: S311  a benchmark
    new_units: set[int] = set()
    moved_back, last_new, calls = 0, 0.0, 0
    while time.time() < stop_at:
        unit = rng.randrange(5000)
        router.call("x", unit=str(unit))
        calls += 1
        if seen.pop() == "new":
            new_units.add(unit)
            last_new = time.time()
        elif unit in new_units and router.health().stopped is None:
            moved_back += 1
        time.sleep(0.0005)
    out.put({"calls": calls, "moved_back": moved_back, "last_new": last_new, "new_units": len(new_units)})
    router.close()


def stops(processes: int) -> None:
    """Raise the share under load, then kill: who moved back, and how long did the new arm go on."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        path = written(folder, 5)
        out = context.Queue()
        begin = time.time()
        workers = [context.Process(target=serve, args=(str(path), begin + 14, out)) for _ in range(processes)]
        for worker in workers:
            worker.start()
        time.sleep(begin + 6 - time.time())
        written(folder, 25)
        time.sleep(4)
        (folder / "pilot" / "KILL").touch()
        killed = time.time()
        told = [out.get() for _ in workers]
        for worker in workers:
            worker.join()
    slowest = max(each["last_new"] for each in told) - killed
    print(f"{processes} processes, {sum(each['calls'] for each in told):,} calls under load")
    print(
        f"5 -> 25 %: {sum(each['moved_back'] for each in told)} calls of a new-arm unit went back to the old arm"
    )
    print(f"kill file: the last call of the new arm came {max(slowest, 0):.2f} s after it")
    print(json.dumps(told))


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["overhead", "faults", "stops"])
    parser.add_argument("count", type=int, nargs="?")
    asked = parser.parse_args()
    defaults = {"overhead": 20_000, "faults": 1_000_000, "stops": 4}
    actions = {"overhead": overhead, "faults": faults, "stops": stops}
    actions[asked.what](asked.count or defaults[asked.what])


if __name__ == "__main__":
    main()

"""Eight processes write records at once and are killed with SIGKILL at random, to see what is lost.

```text
python benchmarks/router_writers.py [processes] [seconds]
```

A writer says on a pipe how many events are acknowledged (`flush()` returned True) after each flush. When all is over,
every acknowledged event must be in the files once, and the counts must equal a recount.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router import ANSWER, written

from pytest_llmupgrade import ModelRouter
from pytest_llmupgrade.rollout.reading import Found, read_folder, recount


class ProviderError(Exception):
    """What a provider does now and then."""

    status_code = 503


def write(path: str, pipe: Any) -> None:
    """Make calls until killed; tell the process's name, then the acknowledged calls after each flush."""
    rng = random.Random(os.getpid())  # noqa: S311  a benchmark

    def arm(_messages: Any) -> Any:
        if rng.random() < 0.05:
            raise ProviderError
        return ANSWER

    router = ModelRouter.from_file(path, old=arm, new=arm)
    log = router.core.log
    pipe.send(log.process)
    while True:
        for _ in range(rng.randrange(1, 200)):
            try:
                router.call("x", unit=str(rng.randrange(3000)))
            except ProviderError:
                continue
        # Rollups fall on minutes; here they also come at random, so that kills meet them.
        if log.flush(rollups=rng.random() < 0.2):
            pipe.send(log.written)


@dataclass
class Writer:
    """A process, and what it has told."""

    process: Any
    pipe: Any
    name: str = ""
    acknowledged: int = 0

    def listen(self) -> None:
        """Take what has come through the pipe; a kill may end it anywhere."""
        try:
            while self.pipe.poll():
                said = self.pipe.recv()
                if isinstance(said, str):
                    self.name = said
                else:
                    self.acknowledged = said
        except (EOFError, OSError):
            return


def begin(path: Path) -> Writer:
    """Start a writer."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=write, args=(str(path), theirs), daemon=True)
    process.start()
    theirs.close()
    return Writer(process=process, pipe=ours)


def main() -> None:
    """Write, kill, begin anew; then look at what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("processes", type=int, nargs="?", default=8)
    parser.add_argument("seconds", type=float, nargs="?", default=60)
    asked = parser.parse_args()
    rng = random.Random(11)  # noqa: S311  a seeded benchmark
    with tempfile.TemporaryDirectory() as text:
        path = written(Path(text), 50)
        writers = [begin(path) for _ in range(asked.processes)]
        running = list(writers)
        end = time.monotonic() + asked.seconds
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.1, 0.9))
            for writer in running:
                writer.listen()
            victim = rng.randrange(len(running))
            if running[victim].acknowledged:
                kill(running[victim])
                running[victim] = begin(path)
                writers.append(running[victim])
        for writer in running:
            kill(writer)
        report(Path(text) / "pilot", writers)


def kill(writer: Writer) -> None:
    """Kill a process of our own, and hear what it still said."""
    os.kill(writer.process.pid, signal.SIGKILL)
    writer.process.join()
    writer.listen()


def report(folder: Path, writers: list[Writer]) -> None:
    """Print what is there and what is not."""
    numbers: dict[str, Counter[int]] = {}
    torn = 0
    for path in sorted(folder.glob("events-*.jsonl")):
        name = path.name[len("events-") : -len("-00001.jsonl")]
        for line in path.read_bytes().splitlines():
            try:
                numbers.setdefault(name, Counter())[json.loads(line)["seq"]] += 1
            except ValueError:
                torn += 1
    acknowledged = sum(writer.acknowledged for writer in writers)
    lost = sum(writer.acknowledged - held(numbers.get(writer.name, Counter()), writer) for writer in writers)
    doubled = sum(count - 1 for each in numbers.values() for count in each.values())
    print(f"{len(writers)} writers, {len(writers)} kills; {acknowledged:,} events acknowledged, lost {lost}")
    print(
        f"{sum(map(len, numbers.values())):,} in the files; doubled {doubled}; lines cut at a file's end {torn}"
    )
    found, twin = read_folder(folder), recount(folder)
    print(f"rollups (and the events after them) equal a recount of all events: {equal(found, twin)}")


def held(numbers: Counter[int], writer: Writer) -> int:
    """Return how many of the acknowledged events are there."""
    return sum(number in numbers for number in range(writer.acknowledged))


def equal(one: Found, other: Found) -> bool:
    """Return whether all counts are the same; sums of floats may differ in the last digits, by their order."""
    return one.counts.keys() == other.counts.keys() and all(
        (a.requests, a.units, a.failed, a.latency, a.errors)
        == (b.requests, b.units, b.failed, b.latency, b.errors)
        and all(abs(m.total - b.moments[name].total) <= 1e-9 * m.total for name, m in a.moments.items())
        for a, b in ((counts, other.counts[key]) for key, counts in one.counts.items())
    )


if __name__ == "__main__":
    main()

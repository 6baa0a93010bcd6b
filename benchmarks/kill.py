"""A run killed with -9 at random moments and resumed each time: what is paid for twice, and whether the report is whole.

```text
python benchmarks/kill.py [kills] [cases] [seed]
```

The server notes when it has finished sending each answer. An answer that is asked for again although it was sent more
than GRACE_S before the kill is a loss; one that was sent within that time may have been on its way to the process, in a
socket's buffer or being written, and is counted apart, as are those that were sent to a process that was gone. At the
end the report must equal that of an undisturbed run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from run import project

from tests.wire import Raw, Said, chat_body, read_call, to_bytes

GRACE_S = 0.1
LATENCY_S = 0.05


@dataclass(slots=True)
class Log:
    """What a server sent, and when it had finished."""

    sent: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Answers sent."""
        return sum(map(len, self.sent.values()))


def serve(log: Log) -> str:
    """Echo in a thread; return the address."""
    ready: list[int] = []
    begun = threading.Event()

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                call = await read_call(reader)
                await asyncio.sleep(LATENCY_S)
                writer.write(
                    to_bytes(Raw(body=json.dumps(chat_body(Said(text=call.last), call.model)).encode()))
                )
                await writer.drain()
                log.sent.setdefault((call.model, call.last), []).append(time.monotonic())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(exchange, "127.0.0.1", 0, backlog=1024)
        ready.append(server.sockets[0].getsockname()[1])
        begun.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
    begun.wait()
    return f"http://127.0.0.1:{ready[0]}/v1"


def start(folder: Path, report: str) -> subprocess.Popen[bytes]:
    """Start a run."""
    flags = ["eval_returns.yaml", "--llm-models=old,new", "--llm-concurrency=10", f"--llm-report={report}"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_llmupgrade.plugin", *flags]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def figures(folder: Path, report: str) -> Any:
    """Return what a report says of the cases, without what differs between any two runs."""
    said = json.loads((folder / report).read_text())
    kept = ("errored", "planned", "name", "passed", "missed", "skipped", "tokens", "accuracy")
    models = [{key: model[key] for key in kept if key in model} for model in said["models"]]
    paired = [
        {key: value for key, value in one.items() if "latency" not in key and "cost" not in key}
        for one in said["comparisons"]
    ]
    return models, paired


def age(sent_at: float, killed_at: list[float]) -> float:
    """Return how long before the next kill an answer was sent, seconds; below 0: after it, as the process was gone."""
    nearest = min(killed_at, key=lambda kill: abs(kill - sent_at))
    later = next((kill for kill in killed_at if kill >= sent_at), nearest)
    return nearest - sent_at if nearest < sent_at and sent_at - nearest < 2 * LATENCY_S else later - sent_at


def main(kills: int = 20, cases: int = 400, seed: int = 1) -> None:
    """Kill, resume, and count."""
    chance = random.Random(seed)  # noqa: S311  a figure that anyone can get again
    log = Log()
    address = serve(log)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        project(folder, address, cases)
        killed_at = []
        for _ in range(kills):
            before, goal = log.count, chance.randint(1, max(1, 2 * cases // kills * 3 // 4))
            run = start(folder, "killed.json")
            while log.count - before < goal and run.poll() is None:
                time.sleep(0.001)
            time.sleep(chance.random() * LATENCY_S)
            killed_at.append(time.monotonic())
            run.send_signal(signal.SIGKILL)
            run.wait()
        start(folder, "resumed.json").wait()
        ages = [age(first, killed_at) for times in log.sent.values() for first, _ in pairwise(times)]
        lost = sum(age > GRACE_S for age in ages)
        on_the_way = sorted(age for age in ages if 0 < age <= GRACE_S)
        resumed = figures(folder, "resumed.json")
        fresh = folder / "fresh"
        fresh.mkdir()
        project(fresh, address, cases)
        start(fresh, "undisturbed.json").wait()
        same = resumed == figures(fresh, "undisturbed.json")
    print(f"{kills} kills over {2 * cases} calls, seed {seed}")
    print(f"asked for again, sent more than {GRACE_S:g} s before the kill: {lost}")
    print(
        f"asked for again, sent within {GRACE_S:g} s before the kill, so that it may have been on its way: "
        f"{len(on_the_way)}"
    )
    if on_the_way:
        print(
            f"  these had been sent {1000 * median(on_the_way):.0f} ms before it (median), at most {1000 * on_the_way[-1]:.0f} ms"
        )
    print(f"asked for again, not sent yet at the kill: {len(ages) - lost - len(on_the_way)}")
    print(f"the report of the resumed run {'equals' if same else 'DIFFERS FROM'} that of an undisturbed one")
    if lost or not same:
        sys.exit(1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

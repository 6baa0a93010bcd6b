"""A run against a server that fails a fifth of all calls: does it end, what is left without an answer, how many requests.

```text
python benchmarks/faults.py [cases] [seed]
```

Each request has the same chance to go wrong, in one of five ways: 429, 500, a reset connection, no answer at all, and
HTML in place of JSON. Prints what became of the items, and the requests beside what the retry budget allows: the
calls, a fifth of them and ten more, and the 429s, whose repetition is no retry of a fault but the rate being kept.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from run import project, pytest_command

from pytest_llmupgrade.engine.settings import EngineSettings
from tests.server import LlmServer
from tests.wire import Raw

if TYPE_CHECKING:
    from tests.wire import Call

SHARE = 0.2
FAULTS = {
    "429": Raw(status=429, body=b'{"error": {"message": "slow down"}}', headers={"Retry-After": "0"}),
    "500": Raw(status=500, body=b'{"error": {"message": "oops"}}'),
    "reset": Raw(fault="reset"),
    "no answer": Raw(fault="hang"),
    "HTML": Raw(body=b"<html>garbage</html>", content_type="text/html"),
}


def run(folder: Path, *flags: str) -> tuple[int, Counter[str]]:
    """Run the suite; return its exit code and how many items ended how."""
    command = pytest_command(
        "-p", "pytest_llmupgrade.plugin", "eval_returns.yaml", "--llm-models=old,new", "--llm-report=out.json"
    )
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([*command, *flags], cwd=folder, env=env, capture_output=True, check=False)
    ends: Counter[str] = Counter()
    for case in json.loads((folder / "out.json").read_text())["cases"]:
        ends[f"errored: {case['error']['kind']}" if case["outcome"] == "errored" else case["outcome"]] += 1
    return done.returncode, ends


def main(cases: int = 500, seed: int = 1) -> None:
    """Run without workers and with two, and print what became of the calls; exit code 1 beyond the retry budget."""
    for name, flags in {"pytest": (), "pytest -n 2": ("-p", "xdist", "-n2")}.items():
        chance, hit = random.Random(seed), Counter[str]()  # noqa: S311  a figure that anyone can get again

        def rule(_: Call, chance: random.Random = chance, hit: Counter[str] = hit) -> Raw | None:
            if chance.random() >= SHARE:
                return None
            kind = chance.choice(list(FAULTS))
            hit[kind] += 1
            return FAULTS[kind]

        with tempfile.TemporaryDirectory() as home, LlmServer() as server:
            project(Path(home), server.base_url, cases)
            settings = (Path(home) / "pyproject.toml").read_text()
            (Path(home) / "pyproject.toml").write_text(
                settings.replace("base_url", "timeout_s = 2\nbase_url")
            )
            server.when(rule)
            code, ends = run(Path(home), *flags)
            requests = len(server.calls)
        defaults = EngineSettings()
        allowed = 2 * cases * (1 + defaults.retry_share) + defaults.retry_reserve + hit["429"]
        print(f"{name}: {2 * cases:,} calls, exit code {code}; {_told(ends)}")
        print(f"  went wrong: {_told(hit)}; {requests:,} requests, at most {allowed:,.0f} within the budget")
        if requests > allowed or sum(ends.values()) != 2 * cases:
            sys.exit(1)


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

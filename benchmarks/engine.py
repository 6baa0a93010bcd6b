"""What the engine adds to the calls themselves: the same calls through it and through a bare program, in one run.

```text
python benchmarks/engine.py [calls] [latency in ms] [concurrency]
```

The server is a process of its own. The bare program is what one writes by hand: AsyncOpenAI, a semaphore, gather.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from echo import echo

from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.settings import EngineSettings
from pytest_llmupgrade.model import Completion, ModelSpec, Request
from pytest_llmupgrade.providers.adapting import AdaptingProvider
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider
from pytest_llmupgrade.store import Store


def bodies(round_: str, count: int) -> list[dict[str, object]]:
    """Return the calls to make."""
    return [
        {"model": "m", "messages": [{"role": "user", "content": f"{round_} question {i}"}]}
        for i in range(count)
    ]


async def bare(base_url: str, asked: list[dict[str, object]], concurrency: int, *, fast: bool) -> None:
    """Make the calls as one does by hand; `fast`: over the client's optional aiohttp transport, as the engine does."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    transport = DefaultAioHttpClient() if fast else None
    client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0, http_client=transport)
    room = asyncio.Semaphore(concurrency)

    async def one(body: dict[str, object]) -> None:
        async with room:
            answer = await client.chat.completions.create(**body)  # type: ignore[call-overload]
        if not answer.choices[0].message.content:
            raise AssertionError(answer)

    await asyncio.gather(*map(one, asked))
    await client.close()


def engine(base_url: str, asked: list[dict[str, object]], concurrency: int) -> None:
    """Make the calls as a run of pytest does: planned, then asked for one by one, each stored durably."""
    spec = ModelSpec(name="m", wire_name="m", base_url=base_url)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "answers.db")
        runner = Engine(
            AdaptingProvider(OpenAIProvider()), {"m": spec}, store, EngineSettings(concurrency=concurrency)
        )
        requests = [Request(model="m", endpoint=base_url, body=body) for body in asked]  # type: ignore[arg-type]
        runner.plan(requests)
        for request in requests:
            answer = runner.complete(request)
            if not isinstance(answer, Completion) or answer.origin != "live":
                raise AssertionError(answer)
        runner.close()
        store.close()


def measured(run: object) -> tuple[float, float]:
    """Return wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu


def main(calls: int = 1000, latency_ms: int = 200, concurrency: int = 100) -> None:
    """Run all three, three times in turn after a warm-up, and print what each took."""
    with echo(latency_ms) as base_url:
        programs = {
            "engine": partial(engine, base_url),
            "bare": lambda *given: asyncio.run(bare(base_url, *given, fast=False)),
            "bare, aiohttp": lambda *given: asyncio.run(bare(base_url, *given, fast=True)),
        }
        taken = {name: [measured(partial(run, bodies("warm", 20), 20))] for name, run in programs.items()}
        for turn in range(3):
            for name, run in programs.items():
                taken[name].append(measured(partial(run, bodies(str(turn), calls), concurrency)))
        print(f"{calls} calls, {latency_ms} ms, {concurrency} at once; ratios are medians of three")
        for name, figures in taken.items():
            rounds = zip(figures[1:], taken["engine"][1:], strict=True)
            ratios = [(ours[0] / wall, ours[1] / cpu) for (wall, cpu), ours in rounds]
            wall, cpu = (sorted(column)[1] for column in zip(*ratios, strict=True))
            print(
                f"{name}: {figures[-1][0]:.2f} s, CPU {figures[-1][1]:.2f} s; engine / it: {wall:.2f}, CPU {cpu:.2f}"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

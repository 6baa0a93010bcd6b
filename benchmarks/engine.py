"""What the engine adds to the calls themselves: the same calls through it and through a bare program, in one run.

```text
python benchmarks/engine.py [calls] [latency in ms] [concurrency]
```

The server is a process of its own. The bare program is what one writes by hand: AsyncOpenAI, a semaphore, gather.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.settings import EngineSettings
from pytest_llmupgrade.model import Completion, ModelSpec, Request
from pytest_llmupgrade.providers.adapting import AdaptingProvider
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider
from pytest_llmupgrade.store import Store
from tests.wire import Raw, Said, chat_body, read_call, to_bytes


async def serve(latency_s: float) -> None:
    """Echo every call after a while; print the port."""

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                call = await read_call(reader)
                await asyncio.sleep(latency_s)
                writer.write(
                    to_bytes(Raw(body=json.dumps(chat_body(Said(text=call.last), call.model)).encode()))
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(exchange, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


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
    command = [sys.executable, __file__, "serve", str(latency_ms / 1000)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        base_url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"  # type: ignore[union-attr]
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
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(float(sys.argv[2])))
    else:
        main(*map(int, sys.argv[1:]))

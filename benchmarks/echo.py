"""A server of its own process that echoes every call after a while and counts them: what the benchmarks ask.

Run: python benchmarks/echo.py LATENCY_SECONDS; prints its port.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.wire import Raw, Said, chat_body, read_call, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator


async def serve(latency_s: float) -> None:
    """Answer for ever; a GET is told how many calls there were."""
    calls = 0

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        try:
            while True:
                call = await read_call(reader)
                if call.method == "GET":
                    writer.write(to_bytes(Raw(body=json.dumps(calls).encode())))
                    continue
                calls += 1
                await asyncio.sleep(latency_s)
                writer.write(
                    to_bytes(Raw(body=json.dumps(chat_body(Said(text=call.last), call.model)).encode()))
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(exchange, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def echo(latency_ms: int) -> Iterator[str]:
    """Yield the address of such a server."""
    command = [sys.executable, __file__, str(latency_ms / 1000)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"  # type: ignore[union-attr]
    finally:
        server.kill()
        server.wait()


def calls_so_far(base_url: str) -> int:
    """Return how many calls a server has had."""
    with urllib.request.urlopen(base_url) as reply:  # noqa: S310  our own server
        return int(reply.read())


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))

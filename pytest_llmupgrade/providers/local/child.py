"""The child process that serves local models: `python -m pytest_llmupgrade.providers.local.child`.

One line of JSON comes in on stdin: `[{"name": ..., "path": ..., "template": ...}, ...]`. One goes out on
stdout: `{"urls": {name: base_url}}`, or `{"error": ..., "kind": ...}`. The process ends when stdin does,
so that it never outlives its parent, however that one died.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, TextIO

CONTEXT_TOKENS = 4096
"""Prompt and answer together; a longer request is refused with 400."""


def main() -> int:
    """Serve until stdin ends; the exit code is 0 unless no server could be started."""
    out = _keep_stdout()
    try:
        wanted = json.loads(sys.stdin.readline())
    except ValueError:
        return _say(out, error="no list of models on stdin", kind="protocol")
    parent = threading.Thread(target=_end_with_stdin, daemon=True)
    parent.start()
    try:
        servers = {model["name"]: _serve(model) for model in wanted}
    except ImportError as error:
        return _say(out, error=str(error), kind="missing")
    except Exception as error:  # noqa: BLE001  llama.cpp raises whatever it likes; the parent words it
        return _say(out, error=str(error) or type(error).__name__, kind="load")
    urls = {name: f"{server.listening_address}/v1" for name, server in servers.items()}
    _say(out, urls=urls)
    parent.join()
    return 0


def _keep_stdout() -> TextIO:
    """Take stdout for ourselves: what llama.cpp prints there goes to stderr, which is the log."""
    mine = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return mine


def _say(out: TextIO, **event: Any) -> int:
    out.write(json.dumps(event) + "\n")
    out.flush()
    return 1


def _end_with_stdin() -> None:
    """Wait for the end of stdin, then end at once: destructors of llama.cpp may wait for requests."""
    while sys.stdin.read(4096):
        pass
    os._exit(0)


def _serve(model: dict[str, str]) -> Any:
    import xllamacpp

    return xllamacpp.Server(_params(xllamacpp.CommonParams(), model))


def _params(params: Any, model: dict[str, str]) -> Any:
    """Return settings under which the same request gets the same bytes, again and after a restart."""
    params.model.path = model["path"]
    params.model_alias = {model["name"]}
    if model.get("template"):
        params.chat_template = model["template"]
    params.use_jinja = True
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = 1  # requests of several slots share batches, and batches change sums
    params.cache_prompt = False  # a cached prefix was computed in another batch
    params.cache_ram_mib = 0
    params.cpuparams.n_threads = 1  # two are slower as soon as one core is busy
    params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.n_ctx = CONTEXT_TOKENS
    params.sampling.temp = 0.0
    params.sampling.seed = 0
    return params


if __name__ == "__main__":
    raise SystemExit(main())

"""The child process that serves local models: `python -m pytest_llmupgrade.providers.local.child`.

One line of JSON comes in on stdin: `[{"name": ..., "path": ..., "template": ...}, ...]`. One goes out on
stdout: `{"urls": {name: base_url}}`, or `{"error": ..., "name": ...}`. The process ends when stdin does, so
that it never outlives its parent, however that one died. What llama.cpp prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, NoReturn, TextIO

CONTEXT_TOKENS = 4096
"""Prompt and answer together; the server refuses a longer prompt with 400."""

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def main() -> NoReturn:
    """Serve until stdin ends; the exit code is 0 unless no server could be started."""
    out = _keep_stdout()
    models = json.loads(sys.stdin.readline())
    watch = threading.Thread(target=_end_with_stdin, daemon=True)
    watch.start()
    urls: dict[str, str] = {}
    servers = []  # a server that is collected stops
    for model in models:
        try:
            server = _serve(model)
        except Exception as error:  # noqa: BLE001  llama.cpp raises what it likes; the parent words it
            kind = "missing" if isinstance(error, ImportError) else "refused"
            _say(out, {"error": str(error) or type(error).__name__, "kind": kind, "name": model["name"]})
            sys.exit(1)  # in good order: llama.cpp's log has a thread of its own, which has the cause
        servers.append(server)
        urls[model["name"]] = f"{server.listening_address}/v1"
    _say(out, {"urls": urls})
    watch.join()
    os._exit(0)


def _keep_stdout() -> TextIO:
    """Take stdout for ourselves: llama.cpp prints there, too."""
    mine = os.fdopen(os.dup(_STDOUT), "w", encoding="utf-8")
    os.dup2(_STDERR, _STDOUT)
    return mine


def _say(out: TextIO, event: dict[str, Any]) -> None:
    out.write(json.dumps(event) + "\n")
    out.flush()


def _end_with_stdin() -> None:
    """Wait for the end of stdin, then end at once: llama.cpp's destructors may wait for a request."""
    while os.read(_STDIN, 4096):
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
    params.cors_origins = "http://127.0.0.1"  # no web page of the user's browser has business here
    params.ui = False
    params.n_parallel = 1  # requests in several slots share a batch, and batches change sums
    params.cache_prompt = False  # a cached prefix was computed in another batch
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.cpuparams.n_threads = 1  # two are faster until another process needs the core, then far slower
    params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.n_ctx = CONTEXT_TOKENS
    params.fit_params = False  # there is no device memory to fit into, and the attempt loads twice
    params.sampling.temp = 0.0
    params.sampling.seed = 0
    return params


if __name__ == "__main__":
    main()

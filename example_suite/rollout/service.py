"""A small real service: labels reviews with the model that `rollout.yaml` gives a user. Plain ASGI, under uvicorn.

```text
python service.py        # http://127.0.0.1:8017, by the rollout.yaml beside it, until Ctrl-C
```

POST /label  {"user": ..., "review": ...}    -> {"label": "positive" | "negative" | "unknown", "call": ...}
POST /rating {"call": ..., "good": true}     -> {"taken": true}
GET  /health                                 -> what the router says about itself
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI

from pytest_llmupgrade import ModelRouter
from pytest_llmupgrade.model import ModelSpec
from pytest_llmupgrade.providers.local.serve import LocalServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

HERE = Path(__file__).parent
PORT = 8017
MODELS = ("local/smollm2-135m-q3", "local/smollm2-135m")
TASK = {"role": "system", "content": "Is the review positive or negative?"}
PROMPTS: dict[str, list[dict[str, str]]] = {
    "examples": [
        TASK,
        {"role": "user", "content": "I am happy with it."},
        {"role": "assistant", "content": "positive"},
        {"role": "user", "content": "This is awful."},
        {"role": "assistant", "content": "negative"},
    ],
    # Somebody thought that a better model needs no examples: the planted regression.
    "short": [TASK],
}


class Service:
    """The application. All that it knows of the rollout is in `label` and `rate`."""

    def __init__(self, urls: dict[str, str], rollout: Path) -> None:
        self.clients = [AsyncOpenAI(base_url=urls[model], api_key="none", max_retries=0) for model in MODELS]
        self.router = ModelRouter.from_file(rollout)
        self.client = self.router.wrap_openai(self.clients[0], new=self.clients[1], adapt=self.adapt)

    def adapt(self, arm: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Put the arm's prompt before the user's words."""
        decision = self.router.last
        prompt = decision.rollout.arms["new" if arm == "new" else "old"].prompt if decision else None
        return {**arguments, "messages": [*PROMPTS[prompt or "examples"], *arguments["messages"]]}

    async def label(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Label a review; what is no label is `unknown`."""
        with self.router.unit(str(asked["user"])):
            answer = await self.client.chat.completions.create(
                model=MODELS[0],
                messages=[{"role": "user", "content": str(asked["review"])}],
                temperature=0,
                max_tokens=8,
            )
        text = (answer.choices[0].message.content or "").strip().lower()
        decision = self.router.last
        call = decision.call_id if decision else ""
        return {"label": text if text in ("positive", "negative") else "unknown", "call": call}

    async def rate(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take what a user thought of a label."""
        return {"taken": self.router.rate(str(asked["call"]), good=asked["good"] is True)}

    async def health(self, _asked: dict[str, Any]) -> dict[str, Any]:
        """Say how the router is."""
        return asdict(self.router.health())

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        routes = {"/label": self.label, "/rating": self.rate, "/health": self.health}
        action = routes.get(scope["path"])
        try:
            status, body = (
                (200, await action(await _json(receive))) if action else (404, {"error": "no such path"})
            )
        except (KeyError, ValueError, TypeError) as error:
            status, body = 400, {"error": f"{type(error).__name__}: {error}"}
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def close(self) -> None:
        """Write the last records, and hang up."""
        self.router.close()
        for client in self.clients:
            await client.close()


async def _json(receive: Receive) -> dict[str, Any]:
    data, more = b"", True
    while more:
        message = await receive()
        data, more = data + message.get("body", b""), message.get("more_body", False)
    told = json.loads(data or b"{}")
    if not isinstance(told, dict):
        raise TypeError("the body must be an object")
    return told


def main() -> None:
    """Start the two local models, and serve."""
    import uvicorn

    server = LocalServer.start([ModelSpec(name=model, wire_name=model) for model in MODELS])
    try:
        uvicorn.run(Service(dict(server.urls), HERE / "rollout.yaml"), port=PORT, log_level="warning")
    finally:
        server.stop()


if __name__ == "__main__":
    main()

"""The example's service, with a scripted server in place of the two local models."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.rollout.reading import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server import LlmServer

EXAMPLE = Path(__file__).parents[2] / "example_suite" / "rollout"


@pytest.fixture
def service(llm_server: LlmServer, tmp_path: Path) -> Iterator[Any]:
    """Return the example's application over the scripted server, its rollout file in a folder of its own."""
    spec = importlib.util.spec_from_file_location("example_service", EXAMPLE / "service.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    shutil.copy(EXAMPLE / "rollout.yaml", tmp_path)
    made = module.Service(dict.fromkeys(module.MODELS, llm_server.base_url), tmp_path / "rollout.yaml")
    yield made
    made.router.close()
    del sys.modules[spec.name]


def _ask(service: Any, *asked: tuple[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Send bodies to paths, one after the other, as an ASGI server does; a body may come from the answer before."""

    async def one(path: str, body: object) -> tuple[int, dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps(body).encode()}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await service({"type": "http", "path": path}, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    async def scene() -> list[tuple[int, dict[str, Any]]]:
        answers: list[tuple[int, dict[str, Any]]] = []
        for path, body in asked:
            answers.append(await one(path, body(answers[-1][1]) if callable(body) else body))
        await service.close()
        return answers

    return asyncio.run(scene())


def test_a_label_and_its_rating(service: Any, llm_server: LlmServer, tmp_path: Path) -> None:
    """The service labels with the user's arm and its prompt, and a rating finds its call."""
    llm_server.default(text="Positive")
    label, rating = _ask(
        service,
        ("/label", {"user": "u", "review": "I love it."}),
        ("/rating", lambda told: {"call": told["call"], "good": False}),
    )
    assert (label[0], label[1]["label"], rating[1]) == (200, "positive", {"taken": True})
    assert len(llm_server.calls[0].body["messages"]) == 6
    (counts,) = read_folder(tmp_path / "pilot").counts.values()
    assert (counts.requests, counts.first_failures("bad")) == (1, 1)


def test_bad_requests_are_told(service: Any) -> None:
    """What is no request is refused, and the service goes on."""
    answers = _ask(service, ("/label", {}), ("/label", []), ("/nowhere", {}), ("/health", {}))
    assert [status for status, _ in answers] == [400, 400, 404, 200]
    assert answers[3][1]["percent"] == 50

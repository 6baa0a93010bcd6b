"""The example's service, with a scripted server in place of the two local models."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.rollout.reading import read_folder
from pytest_llmupgrade.rollout.state_file import read_history
from tests.wire import Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server import LlmServer
    from tests.wire import Call

EXAMPLE = Path(__file__).parents[2] / "example_suite" / "rollout"


def _module(name: str) -> Iterator[Any]:
    """Import a script of the example."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def drive() -> Iterator[Any]:
    """Import the load driver."""
    yield from _module("drive")


@pytest.fixture
def story() -> Iterator[Any]:
    """Import what tells the story."""
    yield from _module("story")


@pytest.fixture
def service(llm_server: LlmServer, tmp_path: Path) -> Iterator[Any]:
    """Return the example's application over the scripted server, its rollout file in a folder of its own."""
    for module in _module("service"):
        text = (EXAMPLE / "rollout.yaml").read_text("utf-8")
        (tmp_path / "rollout.yaml").write_text(text.replace("min_duration: 15s", "min_duration: 0s"), "utf-8")
        made = module.Service(dict.fromkeys(module.MODELS, llm_server.base_url), tmp_path / "rollout.yaml")
        yield made
        made.router.close()


async def _one(service: Any, path: str, body: object) -> tuple[int, dict[str, Any]]:
    """Send a body to a path as an ASGI server does."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await service({"type": "http", "path": path}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def _ask(service: Any, *asked: tuple[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Send bodies to paths, one after the other; a body may come from the answer before."""

    async def scene() -> list[tuple[int, dict[str, Any]]]:
        answers: list[tuple[int, dict[str, Any]]] = []
        for path, body in asked:
            answers.append(await _one(service, path, body(answers[-1][1]) if callable(body) else body))
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
    assert answers[3][1]["percent"] == 0


# --- the story in short ----------------------------------------------------------------------------


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


class _Scene:
    """Runs the commands of the README in this process: the same service, router, gate and commands, scripted models."""

    def __init__(self, service: Any, drive: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.service, self.drive, self.folder, self.capsys = service, drive, folder, capsys
        self.file = folder / "rollout.yaml"
        self.told: dict[str, list[str]] = {}
        self.watching = False
        self._loop = asyncio.Runner()
        drive.post = lambda path, body: self._loop.run(_one(service, path, body))[1]

    def run(self, command: str) -> str:
        """Do what a command of the README says, and return what it printed."""
        command = command.removeprefix("sleep 1; ").removesuffix(" > watch.log &")
        name = command.split()[0]
        getattr(self, f"_{name}")(command)
        self.service.router.poll()
        printed = self.capsys.readouterr().out
        self.told.setdefault(name, []).append(printed)
        return printed

    def _python(self, command: str) -> None:
        _, script, *numbers = command.split()
        if script == "drive.py":
            requests = int(numbers[0])
            _say(f"{sum(self.drive.one(seed, requests) for seed in range(requests))} right")
            self._watch()

    def _curl(self, _command: str) -> None:
        _say(json.dumps(self._loop.run(_one(self.service, "/health", {}))[1]))

    def _sed(self, command: str) -> None:
        subprocess.run(["bash", "-c", command], cwd=self.folder, check=True)  # noqa: S603, S607  the README's own line

    def _llmupgrade(self, command: str) -> None:
        if "watch" in command:
            self.watching = True
        else:
            assert main([*command.split()[1:], str(self.file)]) == 0

    def _cut(self, _command: str) -> None:
        for change in read_history(self.folder / "pilot").changes:
            _say(f"{change.state.name} {change.state.why}")

    _tail = _cut

    def _watch(self) -> None:
        self.service.router.flush()
        if self.watching:
            main(["rollout", "watch", "--once", str(self.file)])

    def close(self) -> None:
        """Hang up."""
        self._loop.run(self.service.close())
        self._loop.close()


def _labels(call: Call) -> Said:
    """Answer as the two models do: each misses one kind of review, and without examples the new one chats."""
    review = str(call.body["messages"][-1]["content"])
    if len(call.body["messages"]) == 2:
        return Said(text="The review says that", usage=(10, 2))
    missed = "I love my" if call.body["model"].endswith("-q3") else "Terrible"
    good = any(word in review for word in ("Great", "happy", "love"))
    return Said(text="positive" if good != review.startswith(missed) else "negative", usage=(10, 2))


@pytest.fixture
def scene(service: Any, drive: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[_Scene]:
    """Return what the README's commands run in."""
    made = _Scene(service, drive, tmp_path, capsys)
    yield made
    made.close()


def test_the_readmes_story(scene: _Scene, story: Any, llm_server: LlmServer) -> None:
    """Every command of the README, in its order: a pilot, harm, the rollback by itself, the fix, the gate passed."""
    llm_server.when(_labels)
    page = (EXAMPLE / "README.md").read_text("utf-8")
    retold = story.retold(page, scene.run)
    states = [re.search(r"^labels-\d: ([A-Z ]+) at", told, re.MULTILINE) for told in scene.told["llmupgrade"]]
    assert [state and state[1] for state in states] == [None, "HOLD", "ROLLED BACK", "READY", "COMPLETE"]
    assert "rolled_back bad: " in scene.told["cut"][0]
    assert '"stopped": "rolled back' in scene.told["curl"][1]
    after_it = [call.body["model"] for call in llm_server.calls][160:180]
    assert set(after_it) == {"local/smollm2-135m-q3"}
    assert re.findall(r"^\$ .*", retold, re.MULTILINE) == re.findall(r"^\$ .*", page, re.MULTILINE)


def test_the_readmes_output_is_of_a_whole_story() -> None:
    """What the README shows was put there by a run that went the whole way."""
    page = (EXAMPLE / "README.md").read_text("utf-8")
    for told in ("labels-1: ROLLED BACK at 50 %", "labels-2: READY at 50 %", "labels-2: COMPLETE at 100 %"):
        assert told in page

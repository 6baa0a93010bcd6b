"""What may go wrong around a run: servers that fail, disks that are full, two runs at once, a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.store import Store
from tests.disks import mounted, ran
from tests.server import WAIT_S
from tests.wire import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.plugin.conftest import Project
    from tests.wire import Call

pytestmark = pytest.mark.usefixtures("inside")

COUNT = 50
MANY = "judge: contains\ncases:\n" + "\n".join(
    f"  - {{id: case-{n}, input: 'Question {n}: where is order A-17?', expected: A-17}}" for n in range(COUNT)
)
CALLS = 2 * COUNT
FAULTS = (
    Raw(status=429, body=b'{"error": {"message": "slow down"}}', headers={"Retry-After": "0"}),
    Raw(status=500, body=b'{"error": {"message": "oops"}}'),
    Raw(fault="reset"),
    Raw(fault="hang"),
    Raw(body=b"<html>garbage</html>", content_type="text/html"),
)


@pytest.fixture
def many(project: Project) -> Project:
    """Return a project with 50 cases that both models pass."""
    project.write("evals/eval_support.yaml", MANY)
    return project


def report_of(project: Project, name: str = "out.json") -> Any:
    """Return a JSON report."""
    return json.loads((project.pytester.path / name).read_text())


def fail_every_fifth(project: Project) -> None:
    """Let every fifth call of the server go wrong, each time in another way."""
    faults = iter(FAULTS * CALLS)

    def rule(_: Call) -> Raw | None:
        return next(faults) if len(project.server.calls) % 5 == 0 else None

    project.server.when(rule)


def test_a_server_that_fails_a_fifth_of_all_calls(many: Project, distribution: tuple[str, ...]) -> None:
    """The run ends, every call is answered in the end, and the tries stay within the retry budget."""
    tables = (f'[tool.llmupgrade.models."{name}"]\ntimeout_s = 2\n' for name in ("old", "new"))
    many.write("pyproject.toml", "".join(tables))
    fail_every_fifth(many)
    many.run("--llm-report=out.json", "--llm-concurrency=16", *distribution)
    assert [model["passed"] for model in report_of(many)["models"]] == [COUNT, COUNT]
    assert len(many.server.calls) <= CALLS * 1.2 + 10 + len(many.server.calls) // 25 + 1  # 429s beside it


def started(project: Project, *flags: str) -> subprocess.Popen[str]:
    """Start a run beside this one."""
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:hypothesispytest", *flags]
    return subprocess.Popen(  # noqa: S603  our own command
        [*command, "--llm-models=old,new"], cwd=project.pytester.path, stdout=subprocess.PIPE, text=True
    )


def test_two_runs_at_once(many: Project) -> None:
    """Two runs share one store: both are whole, neither waits for the other, and nothing in the store is torn."""
    runs = [
        started(many, f"--llm-report={name}.json", f"-o=cache_dir={name}", "--llm-store=both")
        for name in "ab"
    ]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    for name in "ab":
        assert [model["passed"] for model in report_of(many, f"{name}.json")["models"]] == [COUNT, COUNT]
    assert CALLS <= len(many.server.calls) <= 2 * CALLS
    store = Store.open(many.pytester.path / "both")
    assert store.stats().answers == CALLS
    store.close()


def test_a_proxy_where_warnings_are_errors(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy with a password serves a suite with `filterwarnings = error`, whatever the client's libraries warn of."""
    models = "".join(
        f'[tool.llmupgrade.models.{name}]\nbase_url = "http://llm.test/v1"\n' for name in ("old", "new")
    )
    many.write("pyproject.toml", f'{models}[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n')
    monkeypatch.setenv("HTTP_PROXY", f"http://user:geheim99@127.0.0.1:{many.server.port}")
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    many.apart().assert_outcomes(passed=CALLS)
    assert all(call.path.startswith("http://llm.test/") for call in many.server.calls)


@pytest.mark.parametrize(("state", "flags"), [("full", ()), ("read-only", ()), ("full", ("-n2",))])
def test_a_disk_that_takes_nothing(many: Project, state: str, flags: tuple[str, ...]) -> None:
    """On a full or read-only disk the run goes on in memory, whole, and says once what that means."""
    with mounted("size=64k") as folder:
        fill(folder) if state == "full" else ran("mount", "-o", "remount,ro", str(folder))
        result = many.run(f"--llm-store={folder}/answers.sqlite3", *flags)
    result.assert_outcomes(passed=CALLS)
    assert len(many.server.calls) == CALLS
    said = " ".join(result.stdout.str().split())
    assert said.count("answers are kept in memory only, and a later run pays for them again") == 1


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


@pytest.mark.parametrize("flags", [(), ("-n2",)])
def test_a_killed_run_is_resumed(many: Project, flags: Sequence[str]) -> None:
    """What was stored before a kill -9 is not paid for again, and the report is that of an undisturbed run."""
    answered = 20
    many.server.when(lambda call: Raw(fault="hang") if number(call) >= answered else None)
    run = started(many, "--llm-store=answers", *flags)
    wait_until(lambda: stored(many.pytester.path / "answers") == 2 * answered)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    many.server.release()
    before = len(many.server.calls)
    many.run("--llm-report=out.json", "--llm-store=answers").assert_outcomes(passed=CALLS)
    again = many.server.calls[before:]
    assert len(again) == CALLS - 2 * answered
    assert all(number(call) >= answered for call in again)
    assert [model["passed"] for model in report_of(many)["models"]] == [COUNT, COUNT]


def number(call: Call) -> int:
    """Return the number of a case's question."""
    return int(call.last.split()[1].rstrip(":"))


def stored(path: Path) -> int:
    """Return how many answers a store holds, while another process writes them."""
    if not path.is_file():
        return 0
    store = Store.open(path)
    try:
        return store.stats().answers
    finally:
        store.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    give_up = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < give_up, "it did not happen"
        pause.wait(0.02)

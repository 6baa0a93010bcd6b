"""A project with eval files, run as a user would run it, against a real server on the loopback."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server import LlmServer

SUITE = """\
judge: contains
cases:
  - id: refund-a
    input: How long do I have to return shoes?
    expected: 30 days
    category: billing
    difficulty: easy
    tags: [smoke]
  - id: refund-b
    input: Is a refund in cash possible?
    expected: cash
    category: billing
    difficulty: hard
  - id: order-status
    input: Where is order A-17?
    expected: A-17
    category: orders
"""


_NEVER = ("pytest_llmupgrade.__main__", "pytest_llmupgrade.providers.local.child")
_LATE = (
    "aiohttp",
    "genai_prices",
    "jsonschema",
    "openai.resources.chat.completions",
    "rapidfuzz.distance",
    "regex",
    "sqlite3",
    "syrupy",
)


@dataclass(slots=True)
class Project:
    """A folder with eval files; `run` runs pytest in it."""

    pytester: pytest.Pytester
    server: LlmServer
    models: str | None = "old,new"
    """What `--llm-models` says; None: the flag is not given."""
    fail_on: str | None = "miss"
    """What `--llm-fail-on` says, so that an item's outcome tells its case's; None: the flag is not given."""
    environment: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ("randomly", "hypothesispytest", "anyio", "syrupy")
    """Plugins that the tests' environment has and the project does not: each costs every run its import."""

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file of the project."""
        target = self.pytester.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def with_syrupy(self) -> None:
        """Give the project syrupy, as the extra `snapshots` does."""
        self.without = tuple(name for name in self.without if name != "syrupy")

    inside: bool = False
    """Whether runs without workers go on in this process (the fixture `inside`)."""

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest as a user does."""
        return (self.here if self.inside and not _has_workers(arguments) else self.apart)(*arguments)

    def apart(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in a process of its own."""
        return self.pytester.runpytest_subprocess(*self._flags(), *arguments)

    def here(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in this process, which has imported already what a process of its own would import each time."""
        # its hooks collect garbage several times, and of all that this process holds
        quiet = ("-p", "no:unraisableexception", "-p", "no:threadexception")
        return self.pytester.runpytest_inprocess(*quiet, *self._flags(), *arguments)

    def _flags(self) -> list[str]:
        models = [f"--llm-models={self.models}"] if self.models is not None else []
        fail_on = [f"--llm-fail-on={self.fail_on}"] if self.fail_on is not None else []
        return [*(flag for name in self.without for flag in ("-p", f"no:{name}")), *models, *fail_on]


def _has_workers(arguments: Sequence[str]) -> bool:
    return any(argument.startswith("-n") and argument != "-n0" for argument in arguments)


@pytest.fixture(scope="session")
def imported() -> None:
    """Import all that a run imports, once: pytester forgets what is imported in a run, and PyYAML bears that badly."""
    import pytest_llmupgrade

    for found in pkgutil.walk_packages(pytest_llmupgrade.__path__, "pytest_llmupgrade."):
        if found.name not in _NEVER:
            importlib.import_module(found.name)
    for name in _LATE:
        importlib.import_module(name)


@pytest.fixture
def inside(imported: None, project: Project) -> None:
    """Run in this process, at a tenth of the cost: for whatever neither kills, interrupts nor looks at imports."""
    project.inside = True


@pytest.fixture
def project(pytester: pytest.Pytester, llm_server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project with three cases; model `new` breaks one, fixes one, and one passes on both."""
    for name, value in llm_server.environment().items():
        monkeypatch.setenv(name, value)
    # a run of these tests under xdist is no business of the runs that they start: syrupy reads the variables;
    # and without compiled files each of them would take twice as long
    for name in (
        "CI",
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
        "PYTHONDONTWRITEBYTECODE",
        "PYTEST_XDIST_WORKER",
        "PYTEST_XDIST_WORKER_COUNT",
        "PYTEST_XDIST_TESTRUNUID",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    llm_server.default(text="I do not know.")
    llm_server.reply(contains="A-17", text="A-17 is on its way.")
    llm_server.reply(model="old", contains="return shoes", text="You have 30 days.")
    llm_server.reply(model="new", contains="return shoes", text="You have one month.")
    llm_server.reply(model="new", contains="cash", text="Yes, in cash.")
    made = Project(pytester, llm_server)
    made.write("evals/eval_support.yaml", SUITE)
    made.write("pyproject.toml", "")
    return made


@pytest.fixture(params=["plain", "-n2"])
def distribution(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Without xdist's flags, and with two workers: for what may differ, since workers cost three processes."""
    flag: str = request.param
    return () if flag == "plain" else (flag,)


Run = Callable[..., pytest.RunResult]

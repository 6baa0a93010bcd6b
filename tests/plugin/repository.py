"""A project under git with a rollout file, its base one commit behind."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

# imported here, for pytester forgets what a run in this process has imported: each would take two seconds
import pytest_llmupgrade.plugin.rollout_items  # noqa: F401
from tests.rollout.making import changed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CI_VARIABLES = (
    "GITHUB_ACTIONS",
    "GITHUB_EVENT_NAME",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA",
    "BITBUCKET_PR_DESTINATION_COMMIT",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
    "CHANGE_TARGET",
    "LLMUPGRADE_ROLLOUT_KILL",
)


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, untouched by the machine's own settings."""
    named = ("-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false")
    done = subprocess.run(  # noqa: S603  our own words
        ["git", "-C", str(folder), *named, *arguments],  # noqa: S607  the machine's git
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@dataclass(slots=True)
class Repository:
    """A repository with `rollout.yaml`; `run` runs pytest in this process."""

    pytester: pytest.Pytester

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.pytester.path

    def rollout(self, percent: float, *changes: tuple[str, str]) -> None:
        """Write the documentation's rollout at a percentage, with models that no provider shuts down."""
        text = changed(
            ("gpt-3.5-turbo, prompt: support", "old"),
            ("gpt-4o, prompt: support", "new"),
            ("percent: 5\n", f"percent: {percent:g}\n"),
        )
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        (self.path / "rollout.yaml").write_text(text, encoding="utf-8")

    def commit(self, message: str = "change") -> str:
        """Commit all that is there and return the hash."""
        git(self.path, "add", "-A")
        git(self.path, "commit", "-q", "-m", message)
        return git(self.path, "rev-parse", "HEAD")

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest as a user does, in this process."""
        off = ("randomly", "xdist", "rerunfailures", "syrupy", "anyio", "hypothesispytest")
        left_out = [flag for name in off for flag in ("-p", f"no:{name}")]
        return self.pytester.runpytest_inprocess(*left_out, *arguments)


def new_repository(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return an empty repository, far from any CI's variables."""
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    (pytester.path / "pyproject.toml").write_text("", encoding="utf-8")
    git(pytester.path, "init", "-q", "-b", "main")
    return Repository(pytester)

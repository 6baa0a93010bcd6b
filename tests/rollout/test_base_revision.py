"""Which revision a pull request is compared with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.base_revision import base_revision

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef"


@pytest.mark.parametrize(
    ("environment", "revision"),
    [
        ({}, None),
        ({"GITHUB_BASE_REF": ""}, None),  # a push
        ({"GITHUB_BASE_REF": "main"}, "origin/main"),
        ({"GITHUB_BASE_REF": "release/1.x"}, "origin/release/1.x"),
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": COMMIT}, COMMIT),
        ({"BITBUCKET_PR_DESTINATION_COMMIT": COMMIT[:12]}, COMMIT[:12]),
        ({"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"}, "origin/main"),
        ({"BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main"}, "origin/main"),
        ({"CHANGE_TARGET": "main"}, "origin/main"),
    ],
)
def test_what_the_ci_says(environment: dict[str, str], revision: str | None) -> None:
    """Each CI's variable names the base, and a build of no pull request has none."""
    found = base_revision(None, environment)
    assert (found and found.revision) == revision
    if found is not None:
        assert found.source == "=".join(next(iter(environment.items())))


def test_what_is_asked_wins() -> None:
    """--llm-base stands above the CI; empty, nothing is compared."""
    environment = {"GITHUB_BASE_REF": "main"}
    asked = base_revision("HEAD~3", environment)
    assert asked is not None
    assert (asked.revision, asked.source) == ("HEAD~3", "--llm-base=HEAD~3")
    assert base_revision("", environment) is None


def test_github_merge_queue(tmp_path: Path) -> None:
    """In GitHub's merge queue the base is the commit that its event names, for no variable does."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"merge_group": {"base_sha": COMMIT, "base_ref": "refs/heads/main"}}))
    environment = {"GITHUB_EVENT_PATH": str(event), "GITHUB_EVENT_NAME": "merge_group", "GITHUB_BASE_REF": ""}
    found = base_revision(None, environment)
    assert found is not None
    assert (found.revision, found.source) == (COMMIT, f"GITHUB_EVENT_PATH={event}")
    assert base_revision(None, {**environment, "GITHUB_EVENT_NAME": "push"}) is None


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"merge_group": 3}', "\xff"])
def test_a_merge_queue_that_says_nothing(tmp_path: Path, text: str | None) -> None:
    """A merge queue's event without a base is an error, not a comparison with nothing."""
    event = tmp_path / "event.json"
    if text is not None:
        event.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match="names no base of the merge queue"):
        base_revision(None, {"GITHUB_EVENT_PATH": str(event), "GITHUB_EVENT_NAME": "merge_group"})

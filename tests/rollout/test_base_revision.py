"""Which revision a pull request is compared with."""

from __future__ import annotations

import pytest

from pytest_llmupgrade.rollout.base_revision import base_revision

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

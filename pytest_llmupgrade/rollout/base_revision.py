"""Which revision a pull request started from: as asked, else as the CI says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.revisions import branched_from, commit_of, file_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# By the documentation of each, seen 2026-11: GitHub Actions, GitLab CI, Bitbucket Pipelines, Azure Pipelines,
# Buildkite, Jenkins (multibranch). All are set in builds of pull requests only.
_VARIABLES: tuple[tuple[str, Literal["branch", "commit"]], ...] = (
    ("GITHUB_BASE_REF", "branch"),
    ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "commit"),
    ("BITBUCKET_PR_DESTINATION_COMMIT", "commit"),
    ("SYSTEM_PULLREQUEST_TARGETBRANCH", "branch"),
    ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "branch"),
    ("CHANGE_TARGET", "branch"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRevision:
    """What to compare with, and who said so."""

    revision: str
    source: str
    """A flag or a variable, for messages."""


def base_revision(asked: str | None, environment: Mapping[str, str]) -> BaseRevision | None:
    """Return the base: `asked`, else the CI's; None where nobody names one, or `asked` is empty."""
    if asked is not None:
        return BaseRevision(revision=asked, source=f"--llm-base={asked}") if asked else None
    for name, kind in _VARIABLES:
        value = environment.get(name, "")
        if value:
            branch = value.removeprefix("refs/heads/")
            revision = value if kind == "commit" else f"origin/{branch}"
            return BaseRevision(revision=revision, source=f"{name}={value}")
    return None


def file_at_base(base: BaseRevision, path: Path) -> bytes | None:
    """Return what the file was where HEAD left the base, None where it was not; UsageError where git cannot tell."""
    try:
        commit = commit_of(path.parent, base.revision, what=base.source)
    except UsageError as error:
        raise UsageError(
            f"{error}; without a base nothing says whether percent is raised: check out with the history "
            "(actions/checkout: fetch-depth: 0), or name the base: --llm-base=REV"
        ) from None
    return file_at(path.parent, branched_from(path.parent, commit), path.name, what=base.source)

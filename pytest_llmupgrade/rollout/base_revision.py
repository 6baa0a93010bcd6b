"""Which revision a pull request started from: as asked, else as the CI says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.revisions import branched_from, commit_of, file_at, files_at, repository_of
from pytest_llmupgrade.rollout.loading import parse_rollout
from pytest_llmupgrade.rollout.recognising import has_rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.rollout.config import Rollout

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
    return _merge_queue(environment)


def _merge_queue(environment: Mapping[str, str]) -> BaseRevision | None:
    """Return what GitHub's merge queue builds on: it sets no variable, its event's file says it; None elsewhere."""
    event = environment.get("GITHUB_EVENT_PATH")
    if not event or environment.get("GITHUB_EVENT_NAME") != "merge_group":
        return None
    source = f"GITHUB_EVENT_PATH={event}"
    try:
        commit = json.loads(Path(event).read_bytes())["merge_group"]["base_sha"]
    except (OSError, ValueError, LookupError, TypeError):
        raise UsageError(
            f"{source}: names no base of the merge queue (merge_group.base_sha); name it: --llm-base=REV"
        ) from None
    return BaseRevision(revision=str(commit), source=source)


def rollout_at_base(
    base: BaseRevision, path: Path, after: Rollout, wanted: Callable[[str], bool]
) -> Rollout | None:
    """Return the rollout where HEAD left the base, None where it was not; `wanted` tells rollout files by name.

    A file that was moved is found by its rollout's id. UsageError where git cannot tell, FaultyFiles where the file had faults.
    """
    commit = _left(base, path)
    own = _own(base, path, commit, after.file)
    if own is not None and own.id == after.id:
        return own
    root = repository_of(path.parent, what=base.source)
    others = (data for _, data in files_at(root, commit, lambda name: wanted(name.rpartition("/")[2])))
    return next((each for each in map(_sound, others) if each is not None and each.id == after.id), own)


def _own(base: BaseRevision, path: Path, commit: str, file: str) -> Rollout | None:
    """Return the file's rollout; a link is followed, for what git keeps of it is the path that it leads to."""
    for each in dict.fromkeys((path, path.resolve())):
        data = file_at(each.parent, commit, each.name, what=base.source)
        if data is not None and has_rollout(data):
            return parse_rollout(data, file=file)
    return None


def _sound(data: bytes) -> Rollout | None:
    try:
        return parse_rollout(data, file="") if has_rollout(data) else None
    except FaultyFiles:
        return None


def _left(base: BaseRevision, path: Path) -> str:
    """Return the commit where HEAD left the base."""
    try:
        commit = commit_of(path.parent, base.revision, what=base.source)
    except UsageError as error:
        raise UsageError(
            f"{error}; without a base nothing says whether percent is raised: check out with the history "
            "(actions/checkout: fetch-depth: 0), or name the base: --llm-base=REV"
        ) from None
    return branched_from(path.parent, commit)

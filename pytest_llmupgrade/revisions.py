"""Files as a revision of git has them, asked of the user's own git; every failure is one clear line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TIMEOUT_S = 60


def files_at(root: Path, revision: str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted files that a revision has below a folder, by path from there; UsageError where git fails."""
    what = f"--base={revision}"
    commit = commit_of(root, revision, what=what)
    listed = _git(root, "ls-tree", "-r", "-z", "--name-only", commit, what=what)
    for name in (os.fsdecode(name) for name in listed.split(b"\0") if name):
        if wanted(name):
            yield name, _git(root, "cat-file", "blob", f"{commit}:./{name}", what=name)


def commit_of(folder: Path, revision: str, *, what: str) -> str:
    """Return the hash of the commit that a revision names; UsageError where git does not know it."""
    if revision.startswith("-"):
        raise UsageError(f"{what}: no revision of git")
    found = _git(
        folder,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
        what=what,
    )
    return found.decode().strip()


def branched_from(folder: Path, commit: str) -> str:
    """Return the commit from which HEAD left a base, so that only HEAD's own changes count; the base where git cannot tell."""
    try:
        return _git(folder, "merge-base", commit, "HEAD", what=commit).decode().strip()
    except UsageError:
        return commit  # a shallow clone: no common commit is in it


def repository_of(folder: Path, *, what: str) -> Path:
    """Return the top folder of the repository that a folder belongs to; UsageError where there is none."""
    return Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel", what=what).rstrip(b"\n")))


def file_at(folder: Path, commit: str, name: str, *, what: str) -> bytes | None:
    """Return what a commit has in a file of the folder; None where it has no such file."""
    listed = _git(folder, "ls-tree", "-z", commit, "--", f"./{name}", what=what)
    return _git(folder, "cat-file", "blob", f"{commit}:./{name}", what=what) if listed else None


def _git(folder: Path, *arguments: str, what: str) -> bytes:
    """Return what git prints; UsageError begins with `what`."""
    try:
        done = subprocess.run(  # noqa: S603  fixed words, a commit's hash, paths that git itself listed
            # a bare repository that a pull request hides beside a file would answer in place of the real one
            ["git", "-c", "safe.bareRepository=explicit", "-C", str(folder), *arguments],  # noqa: S607  the user's git
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{what}: git cannot be run: {error}") from None
    if done.returncode:
        said = shorten(one_line(done.stderr.decode("utf-8", "replace").strip()), 200)
        raise UsageError(f"{what}: {said or 'git knows no such revision'}")
    return done.stdout

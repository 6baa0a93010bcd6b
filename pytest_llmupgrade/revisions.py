"""Files as a revision of git has them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TIMEOUT_S = 60


def files_at(root: Path, revision: str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted files that a revision has below a folder, by path from there; UsageError where git fails."""
    what = f"--base={revision}"
    if revision.startswith("-"):
        raise UsageError(f"{what}: no revision of git")
    found = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", what=what
    )
    commit = found.decode().strip()
    listed = _git(root, "ls-tree", "-r", "-z", "--name-only", commit, what=what)
    for name in (os.fsdecode(name) for name in listed.split(b"\0") if name):
        if wanted(name):
            yield name, _git(root, "cat-file", "blob", f"{commit}:./{name}", what=name)


def _git(root: Path, *arguments: str, what: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  fixed words, a commit's hash, paths that git itself listed
            ["git", "-C", str(root), *arguments],  # noqa: S607  git as the user has it
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

"""Snapshot files as they are on disk, and as a revision of git has them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.snapshots.files import FOLDER, SUFFIX, read_entries, snapshot_files
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_llmupgrade.snapshots.entry import Entry

_TIMEOUT_S = 60


def on_disk(root: Path) -> dict[str, Mapping[str, Entry]]:
    """Return every snapshot file below a folder by its path from there."""
    return {
        name: read_entries(path.read_bytes(), name)
        for path in snapshot_files(root)
        for name in (path.relative_to(root).as_posix(),)
    }


def at_revision(root: Path, revision: str) -> dict[str, Mapping[str, Entry]]:
    """Return every snapshot file that a revision has below a folder; UsageError where git does not know it."""
    if revision.startswith("-"):
        raise UsageError(f"--base={revision}: no revision of git")
    commit = _git(
        root,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
        what=f"--base={revision}",
    )
    listed = _git(
        root, "ls-tree", "-r", "-z", "--name-only", commit.decode().strip(), what=f"--base={revision}"
    )
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    return {
        name: read_entries(
            _git(root, "cat-file", "blob", f"{commit.decode().strip()}:./{name}", what=name),
            f"{revision}:{name}",
        )
        for name in names
        if name.endswith(SUFFIX) and FOLDER in name.split("/")[:-2]
    }


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

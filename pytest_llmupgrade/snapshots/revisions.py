"""Snapshot files as they are on disk, and as a revision of git has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.revisions import files_at
from pytest_llmupgrade.snapshots.files import FOLDER, SUFFIX, read_entries, snapshot_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_llmupgrade.snapshots.entry import Entry


def on_disk(root: Path) -> dict[str, Mapping[str, Entry]]:
    """Return every snapshot file below a folder by its path from there."""
    return {
        name: read_entries(path.read_bytes(), name)
        for path in snapshot_files(root)
        for name in (path.relative_to(root).as_posix(),)
    }


def at_revision(root: Path, revision: str) -> dict[str, Mapping[str, Entry]]:
    """Return every snapshot file that a revision has below a folder; UsageError where git does not know it."""
    found = files_at(root, revision, _is_snapshot)
    return {name: read_entries(data, f"{revision}:{name}") for name, data in found}


def _is_snapshot(name: str) -> bool:
    return name.endswith(SUFFIX) and FOLDER in name.split("/")[:-2]

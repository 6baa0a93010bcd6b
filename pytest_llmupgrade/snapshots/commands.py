"""What `llmupgrade snapshot diff` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.snapshots.changes import change_lines, changes
from pytest_llmupgrade.snapshots.revisions import at_revision, on_disk

if TYPE_CHECKING:
    import argparse


def diff(options: argparse.Namespace) -> int:
    """Print what changed since a revision; 1 where a case broke."""
    root = Path.cwd()
    found = list(changes(at_revision(root, options.base), on_disk(root)))
    for line in change_lines(found, every=options.all):
        print(line)  # noqa: T201  a command prints
    return 1 if any(change.kind == "broke" for change in found) else 0

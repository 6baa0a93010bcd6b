"""What `llmupgrade snapshot diff` does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.snapshots.changes import change_lines, changes
from pytest_llmupgrade.snapshots.revisions import at_revision, on_disk

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence


def fenced(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines as a code block of Markdown, behind a fence that is longer than any run of backticks in them."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield from lines
    yield fence


def diff(options: argparse.Namespace) -> int:
    """Print what changed since a revision; 1 where a case broke."""
    root = Path.cwd()
    found = list(changes(at_revision(root, options.base), on_disk(root)))
    lines = list(change_lines(found, every=options.all))
    for line in fenced(lines) if options.format == "md" else lines:
        print(line)  # noqa: T201  a command prints
    return 1 if any(change.kind == "broke" for change in found) else 0

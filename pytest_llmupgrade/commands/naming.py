"""Names under which pytest collects eval files by itself."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GLOBS = ("eval_*.yaml", "eval_*.yml", "*.eval.yaml", "*.eval.yml")
"""The default of the ini value `llm_files`."""


def uncollected(path: Path) -> str | None:
    """Return a warning where a file's name is none that pytest collects by default, None where it is."""
    if any(fnmatch(path.name, glob) for glob in GLOBS):
        return None
    return f"{path}: pytest collects eval_*.yaml and *.eval.yaml; name it so, or set llm_files in its ini options"

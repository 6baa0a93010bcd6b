"""Names that pytest looks up by itself: of eval files, and of judges."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING

from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from pathlib import Path

GLOBS = ("eval_*.yaml", "eval_*.yml", "*.eval.yaml", "*.eval.yml")
"""The default of the ini value `llm_files`."""


def uncollected(path: Path) -> str | None:
    """Return a warning where a file's name is none that pytest collects by default, None where it is."""
    if any(fnmatch(path.name, glob) for glob in GLOBS):
        return None
    return f"{path}: pytest collects eval_*.yaml and *.eval.yaml; name it so, or set llm_files in its ini options"


def foreign_judge(name: str) -> str | None:
    """Return a note on a judge that is not built in, so that only pytest can find it; None for one that is."""
    from pytest_llmupgrade.judges.table import BUILT_IN

    known = (*BUILT_IN, "llm_judge", "snapshot")
    if name.removeprefix("judge_") in known:
        return None
    hint = nearest(name, known)
    return f"judge {name!r} is not built in; a conftest.py has to define it{hint and '. '}{hint}"

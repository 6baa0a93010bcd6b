"""Whether a file of that name is ours: other tools have a rollout.yaml, too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.run.load.yaml_values import MAX_BYTES, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = re.compile(rb"""^["']?(rollout|arms|percent|steps|metrics|sink)["']?[ \t]*:""", re.MULTILINE)
_NAMES = frozenset(("rollout", "arms", "percent", "steps", "metrics", "sink"))
_FEWEST = 3
"""`rollout` and two more: a file with a slip in one of its keys is still ours, and its faults are told."""


def is_rollout(path: Path) -> bool:
    """Return whether a file has our top-level keys; False where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return has_rollout(stream.read(MAX_BYTES + 1))
    except OSError:
        return False


def has_rollout(data: bytes) -> bool:
    """Return whether a file's bytes have our top-level keys, in whichever of YAML's styles."""
    found = set(_KEYS.findall(data))
    return (b"rollout" in found and len(found) >= _FEWEST) or _parsed(data)


def _parsed(data: bytes) -> bool:
    """Whether a reader of YAML sees the keys: the router serves an indented file too, so pytest must not pass over it."""
    try:
        root, _ = read_yaml(data, "")
    except FaultyFiles:
        return False
    found = _NAMES.intersection(root) if isinstance(root, dict) else frozenset()
    return "rollout" in found and len(found) >= _FEWEST

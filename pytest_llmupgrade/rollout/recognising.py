"""Whether a file of that name is ours: other tools have a rollout.yaml, too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 1_000_000
_KEYS = re.compile(rb"""^["']?(rollout|arms|percent|steps|metrics|sink)["']?[ \t]*:""", re.MULTILINE)
_FEWEST = 3
"""`rollout` and two more: a file with a slip in one of its keys is still ours, and its faults are told."""


def is_rollout(path: Path) -> bool:
    """Return whether a file has our top-level keys; False where it cannot be read. Cheap: nothing is parsed."""
    try:
        with path.open("rb") as stream:
            return has_rollout(stream.read(_MOST_BYTES))
    except OSError:
        return False


def has_rollout(data: bytes) -> bool:
    """Return whether a file's bytes have our top-level keys."""
    found = set(_KEYS.findall(data))
    return b"rollout" in found and len(found) >= _FEWEST

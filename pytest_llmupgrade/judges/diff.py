"""A readable difference between what was expected and what came, bounded for hostile answers."""

from __future__ import annotations

from difflib import unified_diff

from pytest_llmupgrade.judges.values import clipped

_LINES = 200
"""Lines of either side that are compared: difflib is quadratic."""
_SHOWN = 60
_WIDTH = 200


def diff(expected: str, actual: str) -> str:
    """Return a unified diff without its header, at most 60 lines of at most 200 characters."""
    lines = list(unified_diff(_lines(expected), _lines(actual), lineterm="", n=2))[3:]
    kept = lines[:_SHOWN]
    if len(lines) > _SHOWN:
        kept.append(f"... {len(lines) - _SHOWN} more lines of the difference")
    return "\n".join(["--- expected", "+++ answer", *kept])


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    kept = [clipped(line, _WIDTH) for line in lines[:_LINES]]
    return kept if len(lines) <= _LINES else [*kept, f"... {len(lines) - _LINES} more lines"]

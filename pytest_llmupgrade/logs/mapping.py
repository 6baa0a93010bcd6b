"""`--map expected=response.text`: where a log of one's own keeps what a case needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.logs.exchange import decoded
from pytest_llmupgrade.logs.formats import plain
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_llmupgrade.logs.exchange import Exchange, Skip

TARGETS: Mapping[str, str] = {
    "messages": "messages",
    "input": "messages",
    "expected": "assistant_response",
    "rating": "user_rating",
    "category": "category",
    "difficulty": "difficulty",
    "tools": "tools",
    "tool_calls": "tool_calls",
    "response_format": "response_format",
    "model": "model",
    "usage": "usage",
    "time": "timestamp",
}
_NESTED = frozenset(("messages", "tools", "tool_calls", "response_format"))
"""What is never a text: where it is one, it is JSON. An answer that is JSON stays the text it is."""
_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d{1,6})\]")
_PATH = re.compile(r"[^.\[\]]+(\.[^.\[\]]+|\[-?\d{1,6}\])*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """Records read as the mapping says."""

    paths: Mapping[str, Sequence[str | int]]
    """By the plain shape's key."""

    def read(self, record: Mapping[str, Any]) -> Exchange | Skip:
        """Return a record's Exchange; what the mapping does not name is looked up as in the plain shape."""
        found = {key: _at(record, path) for key, path in self.paths.items()}
        for key in _NESTED & found.keys():
            found[key] = decoded(found[key])
        return plain.read({**record, **found})


def mapping(written: Sequence[str]) -> Mapped | None:
    """Return the mapping of `--map KEY=PATH` options, None without any; UsageError where one is wrong."""
    paths = {}
    for one in written:
        target, equals, path = one.partition("=")
        if not equals or not _PATH.fullmatch(path):
            raise UsageError(
                f"--map {one}: write KEY=PATH, such as expected=response.text or expected=out[0].text"
            )
        if target not in TARGETS:
            known = nearest(target, TARGETS) or "Known: " + ", ".join(TARGETS)
            raise UsageError(f"--map {one}: {target!r} is nothing that a case has. {known}")
        paths[TARGETS[target]] = tuple(
            int(found[2]) if found[2] else found[1] for found in _STEP.finditer(path)
        )
    return Mapped(paths=paths) if paths else None


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        value = decoded(value)
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        elif isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value

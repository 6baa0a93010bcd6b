"""`$ref` inside a promptfoo configuration, followed as far as the file itself goes; sets of assertions opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.importing.templates import NoCounterpart
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_MAX_REFERENCES = 20
MAX_ASSERTIONS = 1_000
"""Assertions of one test once references and sets are opened; more is a file made to grow without end."""


class References:
    """Looks up what a configuration refers to in itself."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def followed(self, entry: Any) -> Any:
        """Return what an entry refers to, its own keys over that; NoCounterpart where it refers to nothing here."""
        own: dict[str, Any] = {}
        for _ in range(_MAX_REFERENCES):
            if not isinstance(entry, dict) or "$ref" not in entry:
                return {**entry, **own} if own and isinstance(entry, dict) else entry
            own = {**{key: value for key, value in entry.items() if key != "$ref"}, **own}
            entry = self._pointed(str(entry["$ref"]))
        raise NoCounterpart("$ref: references that go round in a circle")

    def _pointed(self, pointer: str) -> Any:
        node: Any = self._root
        shown = one_line(pointer)[:80]
        if not pointer.startswith("#/"):
            raise NoCounterpart(f"$ref {shown} points out of the file; copy what it names")
        for step in pointer[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or key not in node:
                raise NoCounterpart(f"$ref {shown} names nothing")
            node = node[key]
        return node

    def opened(
        self, asserts: tuple[tuple[int, Any], ...], refused: Callable[[int, str], None]
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield (line, assertion) with references followed and plain sets opened; `refused` hears what is none."""
        waiting = list(reversed(asserts))
        for _ in range(MAX_ASSERTIONS):
            if not waiting:
                return
            line, entry = waiting.pop()
            try:
                assertion = self.followed(entry)
            except NoCounterpart as error:
                refused(line, str(error))
                continue
            if not isinstance(assertion, dict):
                refused(line, "an assertion is no mapping")
            elif inner := _plain_set(assertion):
                lines = getattr(inner, "lines", [line] * len(inner))
                waiting += reversed(list(zip(lines, inner, strict=True)))
            else:
                yield line, assertion
        if waiting:
            refused(waiting[-1][0], f"more than {MAX_ASSERTIONS:,} assertions in sets and references")


def _plain_set(assertion: Mapping[str, Any]) -> list[Any] | None:
    """Return the assertions of a set that passes where all of them do, None for anything else."""
    inner = assertion.get("assert")
    plain = assertion.get("type") == "assert-set" and assertion.get("threshold") is None
    return inner if plain and isinstance(inner, list) else None

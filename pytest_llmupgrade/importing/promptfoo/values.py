"""The values of promptfoo's tests: written out, in files, and as lists that make a test for each."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.importing.files import SCHEME, Files, read_data
from pytest_llmupgrade.importing.templates import NoCounterpart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_TESTS = 100_000
"""Tests after lists of values are multiplied."""


class Values:
    """Reads values, from files where a test names some."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def written(self, value: Any) -> dict[str, Any]:
        """Return a test's values, those of the files that stand in their place put together; else NoCounterpart."""
        if value is None or isinstance(value, dict):
            return value or {}
        found: dict[str, Any] = {}
        for name in value if isinstance(value, list) else [value]:
            if not isinstance(name, str):
                raise NoCounterpart("no mapping, and no file's name")
            for path in self._files.paths(name):
                data = read_data(path)
                if not isinstance(data, dict):
                    raise NoCounterpart(f"{path.name} holds no mapping")
                found.update(data)
        return found

    def products(self, values: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield every combination of the values that are lists, as promptfoo does; NoCounterpart where they are too many."""
        lists = [self._choices(value, options) for value in values.values()]
        count = 1
        for choices in lists:
            count *= len(choices)
        if count > MAX_TESTS:
            raise NoCounterpart(
                f"the lists of values make {count:,} tests; at most {MAX_TESTS:,} are written"
            )
        for chosen in itertools.product(*lists):
            yield dict(zip(values, chosen, strict=True))

    def _choices(self, value: Any, options: Mapping[str, Any]) -> list[Any]:
        if isinstance(value, str) and value.startswith(SCHEME):
            return [read_data(path) for path in self._files.paths(value)]
        if isinstance(value, list) and not options.get("disableVarExpansion"):
            return [
                chosen
                for item in value
                for chosen in (self._choices(item, options) if isinstance(item, str) else [item])
            ]
        return [value]

"""promptfoo's tests, with everything that expands them: files, defaults, scenarios, lists of values."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault
from pytest_llmupgrade.importing.files import Files, is_table, read_data, read_rows
from pytest_llmupgrade.importing.promptfoo.references import References
from pytest_llmupgrade.importing.promptfoo.tables import test_of_row
from pytest_llmupgrade.importing.promptfoo.values import Values
from pytest_llmupgrade.importing.templates import NoCounterpart
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_KNOWN = frozenset(("vars", "assert", "description", "threshold", "options"))
_OPTIONS = frozenset(
    ("prefix", "suffix", "disableDefaultAsserts", "disableVarExpansion", "transform", "postprocess")
)
"""What is taken over, or blocks the case with words of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTest:
    """One test, expanded; assertions as they are written."""

    file: str
    line: int
    label: str
    """What its id is made of: the description, else its own values; '' where it has neither."""
    vars: Mapping[str, Any]
    asserts: tuple[tuple[int, Any], ...]
    """(line, assertion), those of defaultTest first."""
    defaults: int = 0
    """How many of them are of defaultTest."""
    blocked: str = ""
    """Why its question cannot be asked, '' where it can."""
    options: Mapping[str, Any] = field(default_factory=dict)
    threshold: Any = None
    remarks: tuple[Fault, ...] = ()


class Tests:
    """Reads the tests of a configuration; what cannot be read becomes a remark."""

    def __init__(self, root: Mapping[str, Any], file: str, files: Files, remarks: list[Fault]) -> None:
        self._root, self._file, self._files, self._remarks = root, file, files, remarks
        self._references = References(root)
        self._values = Values(files)
        self._default = self._default_test()

    def __iter__(self) -> Iterator[RawTest]:
        written = itertools.chain(self._written(self._root.get("tests")), self._scenarios())
        found = False
        for test, file, line in written:
            found = True
            yield from self._expanded(test, file, line)
        if not found and self._default and "tests" not in self._root and "scenarios" not in self._root:
            yield from self._expanded({}, self._file, _line(self._root, "defaultTest"))

    # --- what is written ---

    def _written(self, tests: Any) -> Iterator[tuple[dict[str, Any], str, int]]:
        if tests is None:
            return
        at = _line(self._root, "tests")
        for entry, line in _entries(tests, at) if isinstance(tests, list) else [(tests, at)]:
            if isinstance(entry, dict):
                yield from self._referred(entry, line)
            elif isinstance(entry, str):
                yield from self._from_files(entry, line)
            else:
                self._remark(line, "a test is no mapping")

    def _referred(self, entry: dict[str, Any], line: int) -> Iterator[tuple[dict[str, Any], str, int]]:
        try:
            test = self._references.followed(entry)
        except NoCounterpart as error:
            self._remark(line, f"tests: {error}")
            return
        if isinstance(test, dict):
            yield test, self._file, line
        else:
            self._remark(line, "a test is no mapping")

    def _from_files(self, reference: str, line: int) -> Iterator[tuple[dict[str, Any], str, int]]:
        try:
            for path in self._files.paths(reference):
                shown = self._files.shown(path)
                yield from ((test, shown, at) for test, at in _tests_in(path))
        except NoCounterpart as error:
            self._remark(line, f"tests: {error}")

    def _scenarios(self) -> Iterator[tuple[dict[str, Any], str, int]]:
        scenarios = self._root.get("scenarios")
        for scenario, line in _entries(scenarios, _line(self._root, "scenarios")):
            if not isinstance(scenario, dict):
                self._remark(line, "scenarios: one is no mapping")
                continue
            configs = list(self._written(scenario.get("config")))
            tests = list(self._written(scenario.get("tests"))) or [({}, self._file, line)]
            for (config, _file, _at), (test, file, at) in itertools.product(configs, tests):
                yield _merged(config, test), file, at

    def _default_test(self) -> dict[str, Any]:
        line = _line(self._root, "defaultTest")
        try:
            default = self._references.followed(self._root.get("defaultTest"))
        except NoCounterpart as error:
            self._remark(line, f"defaultTest: {error}")
            return {}
        if isinstance(default, str):
            try:
                (path,) = self._files.paths(default)
                default = read_data(path)
            except (NoCounterpart, ValueError) as error:
                self._remark(line, f"defaultTest: {error}")
                return {}
        if default is None:
            return {}
        if not isinstance(default, dict):
            self._remark(line, "defaultTest is no mapping")
            return {}
        for key, what in _unknown(default):
            self._remark(_line(default, key, line), f"{what} of defaultTest has no counterpart")
        try:
            return {**default, "vars": self._values.written(default.get("vars"))}
        except NoCounterpart as error:
            self._remark(line, f"defaultTest: vars: {error}")
            return {**default, "vars": {}}

    # --- what it expands to ---

    def _expanded(self, test: dict[str, Any], file: str, line: int) -> Iterator[RawTest]:
        remarks = tuple(
            Fault(file, _line(test, key, line), f"{what} of a test has no counterpart")
            for key, what in _unknown(test)
        )
        default = self._default
        options = {**_mapping(default.get("options")), **_mapping(test.get("options"))}
        keep = not options.get("disableDefaultAsserts")
        every, blocked = self._every(test, options)
        merged = _merged(default if keep else {**default, "assert": []}, {**test, "vars": {}})
        shared = _mapping(default.get("vars"))
        asserts = tuple(
            (at or line, entry)
            for source in (default if keep else {}, test)
            for entry, at in _entries(source.get("assert"), line)
        )
        for values in every:
            yield RawTest(
                file=file,
                line=line,
                label=_label(merged, [value for key, value in values.items() if key not in shared]),
                vars=values,
                asserts=asserts,
                defaults=len(_entries(default.get("assert"), line)) if keep else 0,
                blocked=blocked,
                options=options,
                threshold=merged.get("threshold"),
                remarks=remarks,
            )

    def _every(self, test: dict[str, Any], options: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
        """Return every combination of a test's values, and why its question cannot be asked, '' where it can."""
        values = _mapping(self._default.get("vars"))
        try:
            values = {**values, **self._values.written(test.get("vars"))}
            return list(self._values.products(values, options)), ""
        except NoCounterpart as error:
            return [dict.fromkeys(values, "")], f"vars: {error}"

    def _remark(self, line: int, message: str) -> None:
        self._remarks.append(Fault(self._file, line, message))


def _tests_in(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the tests of a file with their lines; NoCounterpart where one is none."""
    if is_table(path):
        csv = path.suffix.lower() == ".csv"
        yield from ((test_of_row(row.value) if csv else row.value, row.line) for row in read_rows(path))
        return
    data = read_data(path)
    for entry, line in _entries(data, 0) if isinstance(data, list) else [(data, 0)]:
        if not isinstance(entry, dict):
            raise NoCounterpart(f"{path.name}: a test is no mapping")
        yield entry, line


def _unknown(test: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of a test that are not taken over, and how they are called."""
    yield from ((key, key) for key in test if key not in _KNOWN)
    yield from (
        ("options", f"options.{one_line(str(key))}")
        for key in _mapping(test.get("options"))
        if key not in _OPTIONS
    )


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return two tests as one: values and options of the second win, assertions add up."""
    merged = {**first, **second}
    for key in ("vars", "options"):
        merged[key] = {**_mapping(first.get(key)), **_mapping(second.get(key))}
    merged["assert"] = _Lined.joined(first.get("assert"), second.get("assert"))
    return merged


class _Lined(list[Any]):
    """Assertions of two places with their lines."""

    lines: list[int]

    @classmethod
    def joined(cls, *parts: Any) -> _Lined:
        pairs = [pair for part in parts for pair in _entries(part, 0)]
        joined = cls(entry for entry, _line_ in pairs)
        joined.lines = [line for _entry, line in pairs]
        return joined


def _entries(value: Any, line: int) -> list[tuple[Any, int]]:
    if not isinstance(value, list):
        return []
    return list(zip(value, getattr(value, "lines", [line] * len(value)), strict=True))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _line(node: Mapping[str, Any], key: str, default: int = 0) -> int:
    lines: Mapping[str, int] = getattr(node, "lines", {})
    return lines.get(key, default)


def _label(test: Mapping[str, Any], values: list[Any]) -> str:
    if test.get("description"):
        return re.sub(r"\{\{.*?\}\}", "", str(test["description"]))
    return " ".join(value for value in values if isinstance(value, str) and value.strip())[:200]

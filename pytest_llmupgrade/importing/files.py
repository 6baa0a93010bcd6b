"""Files that a suite of another tool refers to: read as data, from inside the project only."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.importing.templates import NoCounterpart
from pytest_llmupgrade.run.load.yaml_values import MAX_BYTES, read_yaml
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEME = "file://"
_TABLES = (".csv", ".jsonl")
_DATA = (".yaml", ".yml", ".json")
_CODE = (".js", ".cjs", ".mjs", ".ts", ".py", ".rb", ".go", ".sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry of a table, with the line on which it ends."""

    value: dict[str, Any]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Reads what a configuration in `folder` refers to."""

    folder: Path
    root: Path
    """Nothing outside of it is read, so that no configuration can send a foreign file to a model."""

    def paths(self, reference: str) -> list[Path]:
        """Return the files that a reference names, globs in order; NoCounterpart where it names none."""
        name = reference.removeprefix(SCHEME)
        if name.lower().endswith(_CODE) or any(f"{suffix}:" in name.lower() for suffix in _CODE):
            raise NoCounterpart(f"{one_line(name)} is code, and is not run")
        try:
            found = sorted(self.folder.glob(name)) if "*" in name else [self.folder / name]
            inside = [path for path in found if path.resolve().is_relative_to(self.root.resolve())]
        except (OSError, ValueError, NotImplementedError, RuntimeError):
            inside = found = []
        if found and not inside:
            raise NoCounterpart(f"{one_line(name)} lies outside of the project; copy it into it")
        if not inside or not all(path.is_file() for path in inside):
            raise NoCounterpart(f"{one_line(name)}: no such file")
        return inside

    def shown(self, path: Path) -> str:
        """Return a path as the user would write it, relative to the project."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return path.as_posix()


def fault_in(path: Path, shown: str, error: NoCounterpart) -> Fault:
    """Return why a file itself cannot be read, its line in front where the message names one."""
    found = re.fullmatch(rf"{re.escape(path.name)}(?::(\d+))?: (.*)", str(error), re.DOTALL)
    return Fault(shown, int(found[1] or 0), found[2]) if found else Fault(shown, 0, str(error))


def read_text(path: Path) -> str:
    """Return a file's text; NoCounterpart where it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise NoCounterpart(f"{path.name}: more than {MAX_BYTES:,} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise NoCounterpart(f"{path.name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NoCounterpart(f"{path.name}: not UTF-8") from None


def read_data(path: Path) -> Any:
    """Return a file's data by its suffix (YAML, JSON), the text of any other file; NoCounterpart where it is none."""
    text = read_text(path)
    if path.suffix.lower() not in _DATA:
        return text
    if path.suffix.lower() == ".json":
        return parsed_json(text, path.name)
    try:
        value, faults = read_yaml(text.encode(), path.name)
    except FaultyFiles as error:
        raise NoCounterpart(str(error.faults[0])) from None
    if faults:
        raise NoCounterpart(str(faults[0]))
    return value


def parsed_json(text: str, name: str) -> Any:
    """Return JSON; NoCounterpart where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoCounterpart(f"{name}: not valid JSON: {one_line(str(error))}") from None


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the entries of a CSV or JSONL file; NoCounterpart where one cannot be read."""
    text = read_text(path)
    if path.suffix.lower() == ".csv":
        yield from _csv_rows(text, path.name)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            value = parsed_json(line, f"{path.name}:{number}")
            if not isinstance(value, dict):
                raise NoCounterpart(f"{path.name}:{number}: no JSON object")
            yield Row(value=value, line=number)


def is_table(path: Path) -> bool:
    """Whether a file is a list of entries by its suffix."""
    return path.suffix.lower() in _TABLES


def _csv_rows(text: str, name: str) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if None in row:
                raise NoCounterpart(f"{name}:{reader.line_num}: more fields than the first line names")
            yield Row(value={key: value or "" for key, value in row.items()}, line=reader.line_num)
    except csv.Error as error:
        raise NoCounterpart(f"{name}:{reader.line_num}: {error}") from None

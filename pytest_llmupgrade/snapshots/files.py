"""A snapshot file: one suite on one model, a case per top-level key, sorted by name.

The file is YAML with a first line that names its format. It is split into cases by its lines, so that writing one case
leaves every other case's text as it stands, byte for byte.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.checked import checked
from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.run.load.yaml_values import LinedDict, read_yaml
from pytest_llmupgrade.snapshots.entry import Entry
from pytest_llmupgrade.snapshots.yaml_text import yaml_key, yaml_lines
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = "__llm_snapshots__"
SUFFIX = ".yaml"
FORMAT = "llmupgrade-snapshots/1"
HEADER = f"# {FORMAT}: written by `pytest --snapshot-update`; review it, do not edit it\n"
_KEY = re.compile(r'([A-Za-z_][A-Za-z0-9_.-]*|"(?:[^"\\]|\\.)*"):\n')


def snapshot_path(suite: Path, parameters: str) -> Path:
    """Return the file of a suite's snapshots under an item's parameters (`[...]` of its name): the model."""
    return suite.parent / FOLDER / folder_name(suite) / f"{safe_name(parameters)}{SUFFIX}"


def folder_name(suite: Path) -> str:
    """Return a suite's folder: its stem, and its suffix where another suite could share the stem."""
    return suite.stem if suite.suffix in (".yaml", ".py") else suite.name


def safe_name(parameters: str) -> str:
    """Return parameters as a file name on every system; what is replaced is told apart by a digest."""
    safe = re.sub(r"[^A-Za-z0-9._+-]", "_", parameters)
    if safe == parameters and not safe.startswith("."):
        return safe
    from pytest_llmupgrade.fingerprints import fingerprint

    return f"{safe.lstrip('.')}-{fingerprint(parameters)[:6]}"


# --- text ------------------------------------------------------------------------------------------


def entry_text(entry: Entry) -> str:
    """Return a case's lines below its key."""
    return "".join(f"{line}\n" for line in yaml_lines(_plain(entry), 2))


def _plain(value: Any) -> Any:
    """Return a dataclass's fields that differ from their defaults, in the order in which they are declared."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in fields(value)
            if field.default is MISSING or getattr(value, field.name) != field.default
        }
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def join_texts(texts: Mapping[str, str]) -> str:
    """Return a file's text, cases sorted by name."""
    parts = (f"\n{yaml_key(name)}:\n{texts[name].rstrip(chr(10))}\n" for name in sorted(texts))
    return HEADER + "".join(parts)


def write_texts(path: Path, texts: Mapping[str, str]) -> None:
    """Replace a file by these cases in one step, so that a kill leaves the old one or the new one; OSError if it cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(join_texts(texts))
    made = Path(name)
    made.chmod(path.stat().st_mode if path.exists() else 0o644)
    made.replace(path)


def split_text(text: str) -> dict[str, str]:
    """Return each case's lines below its key; a text that is no snapshot file gives nothing."""
    if not text.startswith(f"# {FORMAT}"):
        return {}
    texts: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        match = _KEY.fullmatch(line)
        if match is not None:
            lines = texts.setdefault(_name(match[1]), [])
        elif not line.startswith("#"):
            lines.append(line)
    return {name: "".join(body).rstrip("\n") + "\n" for name, body in texts.items()}


def _name(key: str) -> str:
    if not key.startswith('"'):
        return key
    try:
        return str(json.loads(key))
    except ValueError:  # an escape that is YAML's alone
        return str(next(iter(read_yaml(f"{key}: 1".encode(), "")[0])))


# --- values ----------------------------------------------------------------------------------------


def read_entries(data: bytes, shown: str) -> dict[str, Entry]:
    """Return a file's entries by case; FaultyFiles names each line that is none of ours."""
    if not data.startswith(b"# llmupgrade-snapshots/"):
        raise FaultyFiles(
            [Fault(shown, 1, f"no snapshot file; its first line is to begin with '# {FORMAT}'")]
        )
    if not data.startswith(f"# {FORMAT}".encode()):
        raise FaultyFiles([Fault(shown, 1, f"another version than {FORMAT}; upgrade pytest-llmupgrade")])
    root, faults = read_yaml(data, shown)
    cases = LinedDict(1) if root is None else root
    if not isinstance(cases, LinedDict):
        raise FaultyFiles(
            [Fault(shown, 2, "no cases below the first line; git may have left a conflict here")]
        )
    entries: dict[str, Entry] = {}
    for name, plain in cases.items():
        try:
            entries[name] = checked(Entry, plain)
        except ValueError as error:
            what = shorten(one_line(str(error)), 200)
            again = "delete the case here and run pytest --snapshot-update"
            faults.append(Fault(shown, cases.lines[name], f"case {name!r}: {what}; {again}"))
    if faults:
        raise FaultyFiles(faults)
    return entries


def snapshot_files(root: Path) -> Iterator[Path]:
    """Yield the snapshot files below a folder, sorted."""
    yield from sorted(path for path in root.rglob(f"{FOLDER}/*/*{SUFFIX}") if path.is_file())

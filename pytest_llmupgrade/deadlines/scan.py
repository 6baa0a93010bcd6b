"""Finds model names in a code base: in string literals of code, in values of configuration."""

from __future__ import annotations

import io
import os
import re
import tokenize
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines.match import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.deadlines.match import Table

MAX_BYTES = 2_000_000
"""Larger files are data, not configuration."""
_QUOTING = frozenset((".json", ".ipynb", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs"))
_PLAIN = frozenset((".yaml", ".yml", ".toml", ".env", ".ini", ".cfg"))
_SKIPPED = frozenset(
    [
        ".git",
        ".hg",
        ".svn",
        "node_modules",
        "__pycache__",
        "site-packages",
        "__llm_snapshots__",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        "dist",
        "build",
    ]
)
_QUOTED = re.compile(
    r'\\"([^"\\\n]{1,400})\\"|"([^"\\\n]{1,400})"' + r"|'([^'\\\n]{1,400})'|`([^`\\\n]{1,400})`"
)
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/#-]*")
_BEGINNING = re.compile(r"[a-z]+\d*[a-z]*.?")
"""What of a name tells a file that may hold it: its first word, with what follows."""
_SHORT = re.compile(r"\bo\d\b")
_COMMENT = re.compile(r"(^|\s)#.*$")
_VALUE = re.compile(
    r"""^\s*(?:-\s+)*(?:export\s+)?(?:["']?[\w.-]+["']?\s*[:=]\s*)?["']?([^"',]+?)["']?,?\s*$"""
)
_SURE = re.compile(r"(?=.*\d)(?=.*-).{6}")
"""A name that means nothing else inside a longer text; `o1` or `command-r` must be the whole text."""
_LONGEST_VALUE = 500
"""Characters of a line that is taken for a single value; the pattern is slow on hostile ones."""
_LOOKS = re.compile(
    r"(chatgpt|gpt-(oss|\d)|o\d-(mini|pro|preview)|ft:|claude-(\d|opus|sonnet|haiku|instant)|gemini-\d"
    r"|(mistral|ministral|magistral|codestral|devstral|pixtral)-(large|medium|small|tiny|saba|\d)).*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A model's name in a file."""

    name: str
    file: str
    """Path relative to what was scanned, or as given where it is a file."""
    line: int

    @property
    def place(self) -> str:
        """Where it is, as `file:line`."""
        return f"{self.file}:{self.line}"


def files_in(root: Path) -> Iterator[Path]:
    """Yield the files that may name models, in order; links, pipes, caches and installed packages are left out."""
    if not root.is_dir():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if _kind(path) and not path.is_symlink() and path.is_file():  # opening a pipe would wait for ever
                yield path


def scan(path: Path, shown: str, table: Table) -> Iterator[Found]:
    """Yield each model name in a file, once a line; OSError where it cannot be read."""
    text = path.read_bytes()[:MAX_BYTES].decode("utf-8", "replace")
    if not _may_name(text.lower(), table):
        return
    seen = set()
    for line, piece in _pieces(text, _kind(path)):
        for name in _names(piece, table):
            if (name, line) not in seen:
                seen.add((name, line))
                yield Found(name=name, file=shown, line=line)


def _may_name(text: str, table: Table) -> bool:
    """Whether a lower-case text may name a model; most files have no model in them, and need not be taken apart."""
    return any(word in text for word in _beginnings(table)) or _SHORT.search(text) is not None


@lru_cache(maxsize=4)
def _beginnings(table: Table) -> frozenset[str]:
    """Return what models' names begin with, but for `o1` and its like, which are in too many texts."""
    known = {found[0] for name in table.index if (found := _BEGINNING.match(name))}
    others = ("chatgpt", "gpt-", "ft:", "claude", "gemini", "mistral-", "ministral", "magistral", "pixtral")
    return frozenset(word for word in (*known, *others) if not _SHORT.match(word))


def _kind(path: Path) -> str:
    """Return how a file is read: `python`, `quoted`, `plain`, or '' where it is not."""
    if path.suffix in (".py", ".pyi"):
        return "python"
    if path.suffix in _QUOTING:
        return "quoted"
    return "plain" if path.suffix in _PLAIN or path.name.startswith(".env") else ""


def _pieces(text: str, kind: str) -> Iterator[tuple[int, str]]:
    """Yield the texts in which models may be named, with their lines."""
    if kind == "python":
        yield from _python_strings(text)
    elif kind == "quoted":
        yield from _quoted(text)
    elif kind == "plain":
        for number, line in enumerate(text.split("\n"), 1):
            yield from _values(number, _COMMENT.sub("", line))


def _values(number: int, line: str) -> Iterator[tuple[int, str]]:
    """Yield the whole value, so that short names count, then the line with keys and lists."""
    value = _VALUE.match(line) if len(line) <= _LONGEST_VALUE else None
    if value:
        yield number, value[1]
    yield number, line


def _python_strings(text: str) -> Iterator[tuple[int, str]]:
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    with warnings.catch_warnings(action="ignore"):  # about other people's code
        try:
            tokens = [
                token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type in kinds
            ]
        except (tokenize.TokenError, SyntaxError, ValueError):
            yield from _quoted(text)
            return
    for token in tokens:
        for offset, line in enumerate(token.string.split("\n")):
            yield token.start[0] + offset, _unquoted(line)


def _quoted(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        yield from ((number, "".join(found.groups(""))) for found in _QUOTED.finditer(line))


def _unquoted(literal: str) -> str:
    return re.sub(r"^[A-Za-z]{0,3}(?=[\"'])", "", literal.strip()).strip("\"'")


def _names(piece: str, table: Table) -> Iterator[str]:
    whole = piece.strip()
    for token in _TOKEN.findall(piece):
        name = token.rstrip(".:/")
        if (name == whole or _SURE.match(name)) and _is_model(name, table):
            yield name


def _is_model(name: str, table: Table) -> bool:
    own = name.rpartition("/")[2].lower()
    return _LOOKS.fullmatch(own) is not None or find(name, table) is not None

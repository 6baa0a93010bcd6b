"""promptfoo's prompts: texts, chat messages, files; one suite is written for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.importing.files import SCHEME, Files, is_table, parsed_json, read_rows, read_text
from pytest_llmupgrade.importing.templates import NoCounterpart, names_in
from pytest_llmupgrade.run.load.yaml_values import read_yaml
from pytest_llmupgrade.wording import one_line, shorten

_FILE = re.compile(r"[^\n{}]+\.(txt|md|json|jsonl|yaml|yml|csv|j2|py|js|ts|mjs|cjs)(:\w+)?")
_PROGRAM = "exec:"
"""What promptfoo puts before a program that prints a prompt."""
_DELIMITER = re.compile(r"\r?\n---\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt: what is asked, with its placeholders."""

    label: str
    """'' where it has none."""
    question: str | list[dict[str, Any]]
    names: tuple[str, ...]
    line: int


def prompts_of(entry: Any, line: int, files: Files) -> Iterator[Prompt]:
    """Yield the prompts of one entry; NoCounterpart where it holds none that can be asked here."""
    if isinstance(entry, dict):
        text = entry.get("raw") or entry.get("id") or entry.get("path") or entry.get("prompt")
        label = str(entry.get("label") or "")
        if not isinstance(text, str):
            raise NoCounterpart("a prompt without a text")
        yield from _of_text(text, label, line, files)
    elif isinstance(entry, str):
        yield from _of_text(entry, "", line, files)
    else:
        raise NoCounterpart("a prompt that is no text")


def _of_text(text: str, label: str, line: int, files: Files) -> Iterator[Prompt]:
    if text.startswith(_PROGRAM):
        raise NoCounterpart(f"{shorten(one_line(text), 60)} is code, and is not run")
    if not text.startswith(SCHEME) and not _FILE.fullmatch(text):
        yield _prompt(text, label, line)
        return
    for path in files.paths(text):
        name = label or PurePosixPath(path.name).stem
        if is_table(path):
            for row in read_rows(path):
                yield _prompt(str(row.value.get("prompt", "")), str(row.value.get("label") or name), line)
            continue
        parts = _DELIMITER.split(read_text(path)) if path.suffix == ".txt" else [read_text(path)]
        for number, part in enumerate(parts, 1):
            yield _prompt(part, name if len(parts) == 1 else f"{name}-{number}", line)


def _prompt(text: str, label: str, line: int) -> Prompt:
    question = _question(text)
    texts = [question] if isinstance(question, str) else [str(value) for value in _leaves(question)]
    names = dict.fromkeys(name for part in texts for name in names_in(part))
    return Prompt(label=label, question=question, names=tuple(names), line=line)


def _question(text: str) -> str | list[dict[str, Any]]:
    stripped = text.strip()
    if stripped.startswith("- role:"):
        return _messages(_yaml(stripped))
    if re.match(r"\[\s*\{\s*\"", stripped):
        return _messages(parsed_json(stripped, "a prompt of chat messages"))
    return text


def _yaml(text: str) -> Any:
    try:
        value, _faults = read_yaml(text.encode("utf-8", "replace"), "prompt")
    except FaultyFiles as error:
        raise NoCounterpart(str(error.faults[0])) from None
    return value


def _messages(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(
        isinstance(message, Mapping) and isinstance(message.get("role"), str) for message in value
    ):
        raise NoCounterpart("chat messages without roles")
    return [dict(message) for message in value]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)

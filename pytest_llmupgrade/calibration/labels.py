"""Reads a labelled file: questions, answers, and what a person says of each answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles, UsageError
from pytest_llmupgrade.model import Case, Completion
from pytest_llmupgrade.run.load.words import place, shown
from pytest_llmupgrade.run.load.yaml_values import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEYS = ("id", "input", "messages", "expected", "criteria", "answer", "human")
_HUMAN = {"pass": True, "fail": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An answer and what a person says of it."""

    case: Case
    completion: Completion
    criteria: str | None
    human: bool


def read_labels(path: Path, *, shown_as: str) -> tuple[Pair, ...]:
    """Return the pairs of a labelled file; FaultyFiles names everything that is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown_as}: cannot be read: {error.strerror}") from None
    root, faults = read_yaml(data, shown_as)
    entries = root.get("pairs") if isinstance(root, dict) else None
    if not isinstance(entries, list) or not entries:
        example = "pairs: [{input: QUESTION, expected: WANTED, answer: ANSWER, human: pass}]"
        raise FaultyFiles([*faults, Fault(shown_as, 1, f"has no pairs; write {example}")])
    for index, entry in enumerate(entries):
        line = place(root, ("pairs", index))
        faults += [Fault(shown_as, line, f"pair {index + 1}: {words}") for words in _faults(entry)]
    if faults:
        raise FaultyFiles(faults)
    return tuple(
        _pair(entry, index, shown_as, place(root, ("pairs", index))) for index, entry in enumerate(entries)
    )


def _faults(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"must be a mapping, not {shown(entry)}"
        return
    for key in entry:
        if key not in _KEYS:
            yield f"unknown key {shown(key)}; known: {', '.join(_KEYS)}"
    if ("input" in entry) == ("messages" in entry):
        yield "write either input, a text, or messages, a list"
    elif not isinstance(entry.get("input", ""), str):
        yield f"input must be a text, not {shown(entry['input'])}"
    elif not _are_messages(entry.get("messages", [{"role": "user"}])):
        yield "messages must be a list of mappings, each with a role"
    if not isinstance(entry.get("answer"), str):
        yield f"answer must be a text, not {shown(entry.get('answer'))}"
    if not isinstance(entry.get("criteria", ""), str):
        yield f"criteria must be a text, not {shown(entry['criteria'])}"
    if entry.get("human") not in _HUMAN:
        yield f"human must be pass or fail, not {shown(entry.get('human'))}"


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in value)
    )


def _pair(entry: dict[str, Any], index: int, file: str, line: int) -> Pair:
    messages = entry.get("messages") or [{"role": "user", "content": entry["input"]}]
    return Pair(
        case=Case(
            id=str(entry.get("id", f"pair-{index + 1}")),
            file=file,
            line=line,
            messages=tuple(dict(message) for message in messages),
            expected=entry.get("expected"),
        ),
        completion=Completion(text=entry["answer"]),
        criteria=entry.get("criteria"),
        human=_HUMAN[entry["human"]],
    )

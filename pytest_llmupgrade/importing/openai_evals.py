"""Samples of OpenAI's evals (github.com/openai/evals, elsuite/basic): `{input, ideal}` by line, and how they match."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.importing.drafts import CaseDraft, SuiteDraft, unique_ids
from pytest_llmupgrade.importing.files import Row, fault_in, read_rows
from pytest_llmupgrade.importing.templates import NoCounterpart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_KNOWN = frozenset(("input", "ideal", "metadata"))


def import_openai_evals(path: Path, *, shown: str, match: str) -> SuiteDraft:
    """Return the samples as cases; `match` is one of MATCHES. FaultyFiles where the file cannot be read."""
    try:
        rows = list(read_rows(path))
    except NoCounterpart as error:
        raise FaultyFiles([fault_in(path, shown, error)]) from None
    ids = unique_ids(_label(row) for row in rows)
    cases = (_case(id_, row, shown, match) for id_, row in zip(ids, rows, strict=True))
    return SuiteDraft(source=shown, cases=tuple(cases))


def _case(id_: str, row: Row, shown: str, match: str) -> CaseDraft:
    sample = row.value
    remarks = [
        Fault(shown, row.line, f"{key!r} of a sample has no counterpart")
        for key in sample
        if key not in _KNOWN
    ]
    fields: dict[str, Any] = {}
    try:
        fields.update(_question(sample.get("input")))
        fields["judge"] = MATCHES[match](_ideals(sample.get("ideal")))
    except NoCounterpart as error:
        remarks.append(Fault(shown, row.line, f"{error}: the case stays a comment"))
    fields["source"] = f"{shown}:{row.line}"
    return CaseDraft(id=id_, fields=fields, remarks=tuple(remarks))


def _question(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and value:
        yield "input", value
        return
    if not isinstance(value, list) or not value:
        raise NoCounterpart("a sample without input")
    if not all(isinstance(message, dict) and isinstance(message.get("role"), str) for message in value):
        raise NoCounterpart("messages without roles")
    yield "messages", value


def _ideals(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise NoCounterpart("a sample whose ideal is no text")
    return texts


def _match(ideals: list[str]) -> Any:
    """Match: the answer starts with an ideal, letter by letter."""
    each = "|".join(re.escape(text) for text in ideals)
    return {"regex": rf"\A(?:{each})" if len(ideals) > 1 else rf"\A{each}"}


def _includes(ideals: list[str]) -> Any:
    return {"contains_any": ideals}


def _includes_any_case(ideals: list[str]) -> Any:
    return {"icontains_any": ideals}


def _fuzzy(ideals: list[str]) -> Any:
    return {"fuzzy_match": ideals}


MATCHES: Mapping[str, Callable[[list[str]], Any]] = {
    "match": _match,
    "includes": _includes,
    "includes-ignore-case": _includes_any_case,
    "fuzzy-match": _fuzzy,
}
"""How an answer is compared with the ideals, by the name of the class in elsuite/basic."""


def _label(row: Row) -> str:
    question = row.value.get("input")
    if isinstance(question, list):
        texts = [message.get("content") for message in question if isinstance(message, dict)]
        question = next((text for text in reversed(texts) if isinstance(text, str)), "")
    return question[:200] if isinstance(question, str) and question.strip() else f"sample-{row.line}"

"""An eval file before it is written: its cases, and what of the source has no counterpart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_llmupgrade.errors import Fault

_LONGEST_ID = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDraft:
    """A case as it will stand in the file."""

    id: str
    fields: Mapping[str, Any]
    """In the order in which they are written; without the id."""
    remarks: tuple[Fault, ...] = ()
    """What of the source has no counterpart here."""

    @property
    def disabled(self) -> bool:
        """Whether it is written as a comment, since nothing of the source can judge it or ask its question."""
        return not self.fields.get("judge") or not ("input" in self.fields or "messages" in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteDraft:
    """An eval file as it will be written."""

    source: str
    """What it was made from."""
    cases: tuple[CaseDraft, ...]
    shared: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the file itself."""
    remarks: tuple[Fault, ...] = ()
    models: tuple[str, ...] = ()
    """The models that the source names, for the command line."""

    def all_remarks(self) -> tuple[Fault, ...]:
        """Return every remark, in the order of the source's lines, each once."""
        every = [*self.remarks, *(remark for case in self.cases for remark in case.remarks)]
        return tuple(sorted(dict.fromkeys(every)))


def unique_ids(wanted: Iterable[str]) -> Iterator[str]:
    """Yield an id for each text: words-with-hyphens, and none twice."""
    seen: set[str] = set()
    for text in wanted:
        base = slug(text)
        name, count = base, 2
        while name in seen:
            name, count = f"{base}-{count}", count + 1
        seen.add(name)
        yield name


def slug(text: str) -> str:
    """Return a text as an id of a case: lower-case words, hyphens, at most 60 characters."""
    words = re.sub(r"[^a-z0-9.]+", "-", text.lower())[: _LONGEST_ID + 1].strip("-.")
    if len(words) > _LONGEST_ID:
        words = words.rpartition("-")[0] or words[:_LONGEST_ID]
    # what begins with pytest_ or an underscore cannot come out of this, but these mean something to pytest
    return words or "case"

"""The list of models and their ends: as text, Markdown or JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.deadlines.notices import remarks
from pytest_llmupgrade.wording import cells, one_line, pad, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from pytest_llmupgrade.deadlines.notices import Notice

FORMATS = ("text", "md", "json")
_HEAD = ("model", "here", "shut down", "days", "recommended instead")
_WIDEST = 44
_PLACES = 3
"""Places of a name that a row shows; the rest is counted, and JSON has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Models with a known end, soonest first, and those of which none is known."""

    notices: tuple[Notice, ...]
    unknown: tuple[tuple[str, tuple[str, ...]], ...]
    """Name and roles."""
    today: date
    as_of: date
    """When the table of the package was compiled."""
    told: tuple[str, ...] = ()
    """What else to say: providers that could not be asked, files that were skipped."""


def lines(listing: Listing, kind: str) -> Iterator[str]:
    """Yield the listing in one of FORMATS."""
    if kind == "json":
        yield json.dumps(_plain(listing), indent=2)
    elif kind == "md":
        yield from _markdown(listing)
    else:
        yield from _text(listing)


def _text(listing: Listing) -> Iterator[str]:
    rows = [_HEAD, *(_cells(notice) for notice in listing.notices), *_unknown_rows(listing)]
    rows = [tuple(shorten(cell, _WIDEST) for cell in row) for row in rows]
    widths = [max(cells(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        yield "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
    notes = list(_notes(listing))
    yield from ("", *notes) if notes else ()


def _markdown(listing: Listing) -> Iterator[str]:
    yield "| " + " | ".join(_HEAD) + " |"
    yield "|" + " --- |" * len(_HEAD)
    for row in (*(_cells(notice) for notice in listing.notices), *_unknown_rows(listing)):
        yield "| " + " | ".join(_quiet(cell) for cell in row) + " |"
    notes = list(_notes(listing))
    yield from ("", *(f"- {_quiet(note)}" for note in notes)) if notes else ()


def _quiet(text: str) -> str:
    """Return a cell in which no character means anything to Markdown or HTML."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    for character in "|`*_[]":
        text = text.replace(character, "\\" + character)
    return text


def _cells(notice: Notice) -> tuple[str, ...]:
    deadline, days = notice.match.deadline, notice.days
    shutdown = "no date yet" if deadline.shutdown is None else str(deadline.shutdown)
    left = "-" if days is None else "gone" if days <= 0 else str(days)
    if deadline.earliest:
        shutdown, left = f"{shutdown} or later", "maybe gone" if left == "gone" else left
    name = one_line(notice.match.name)
    return name, _roles(notice.roles), shutdown, left, one_line(deadline.replacement or "-")


def _unknown_rows(listing: Listing) -> Iterator[tuple[str, ...]]:
    for name, roles in listing.unknown:
        yield one_line(name), _roles(roles), "not known", "-", "-"


def _roles(roles: Sequence[str]) -> str:
    more = f" and {len(roles) - _PLACES} more" if len(roles) > _PLACES else ""
    return one_line(", ".join(roles[:_PLACES]) + more) or "-"


def _notes(listing: Listing) -> Iterator[str]:
    for notice in listing.notices:
        for remark in remarks(notice):
            yield f"{one_line(notice.match.name)}: {remark}"
    sources = sorted(
        {(notice.match.deadline.source, notice.match.deadline.checked) for notice in listing.notices}
    )
    for source, checked in sources:
        yield f"source: {one_line(source)}, checked {checked}"
    if listing.unknown:
        yield (
            f"not known: the table of {listing.as_of} names no date; ask the provider (--live), or declare one "
            "with retires in [tool.llmupgrade.models]"
        )
    yield from listing.told


def _plain(listing: Listing) -> dict[str, Any]:
    known = [_notice(notice) for notice in listing.notices]
    unknown = [{"model": name, "here": list(roles), "shutdown": None} for name, roles in listing.unknown]
    return {
        "schema": "llmupgrade-deadlines/1",
        "today": str(listing.today),
        "table": str(listing.as_of),
        "models": known,
        "unknown": unknown,
        "notes": list(listing.told),
    }


def _notice(notice: Notice) -> dict[str, Any]:
    deadline = notice.match.deadline
    return {
        "model": notice.match.name,
        "here": list(notice.roles),
        "provider": deadline.provider,
        "id": deadline.id,
        "shutdown": str(deadline.shutdown) if deadline.shutdown else None,
        "earliest": deadline.earliest,
        "days": notice.days,
        "stage": notice.stage,
        "replacement": deadline.replacement,
        "source": deadline.source,
        "checked": str(deadline.checked),
        "remarks": list(remarks(notice)),
    }

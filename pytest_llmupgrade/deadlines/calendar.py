"""Shutdown dates as a calendar file (iCalendar, RFC 5545) with reminders at 60 and 30 days."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines.notices import LOUD_DAYS, NEAR_DAYS, remarks
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from pytest_llmupgrade.deadlines.notices import Notice

_OCTETS = 75
"""The longest line, without its line break (RFC 5545, 3.1)."""


def calendar(notices: Iterable[Notice], *, version: str) -> str:
    """Return the file: an all-day event for each model that is still there; the same input gives the same bytes."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//pytest-llmupgrade//{version}//EN"]
    for notice in notices:
        day = notice.match.deadline.shutdown
        if day is not None and (notice.days or 0) > 0:
            lines += _event(notice, day)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _fold(line))


def _event(notice: Notice, day: date) -> Iterator[str]:
    deadline, name = notice.match.deadline, one_line(notice.match.name)
    at = "may be shut down from today on" if deadline.earliest else "is shut down"
    digest = hashlib.sha256(f"{deadline.provider}/{notice.match.name}".encode("utf-8", "replace")).hexdigest()
    yield "BEGIN:VEVENT"
    yield f"UID:{digest[:32]}@pytest-llmupgrade"
    yield f"DTSTAMP:{deadline.checked:%Y%m%d}T000000Z"
    yield f"DTSTART;VALUE=DATE:{day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_escaped(f'{name} {at}')}"
    yield f"DESCRIPTION:{_escaped(chr(10).join(_description(notice)))}"
    if re.fullmatch(r"https://[!-~]+", deadline.source):
        yield f"URL:{deadline.source}"
    yield "TRANSP:TRANSPARENT"
    for days in (NEAR_DAYS, LOUD_DAYS):
        yield from _alarm(f"{name} {at} in {days} days", days)
    yield "END:VEVENT"


def _alarm(words: str, days: int) -> Iterator[str]:
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield f"TRIGGER:-P{days}D"
    yield f"DESCRIPTION:{_escaped(words)}"
    yield "END:VALARM"


def _description(notice: Notice) -> Iterator[str]:
    deadline = notice.match.deadline
    if notice.roles:
        yield f"Used as: {', '.join(notice.roles)}"
    if deadline.replacement:
        yield f"Recommended instead: {one_line(deadline.replacement)}"
    yield from remarks(notice)
    yield f"Source: {one_line(deadline.source)}, checked {deadline.checked}"


def _escaped(text: str) -> str:
    text = re.sub(r"([\\;,])", r"\\\1", text)
    return text.replace("\n", "\\n")


def _fold(line: str) -> Iterator[str]:
    """Yield a line in pieces of at most 75 octets, never inside a character; each but the first begins with a space."""
    piece, size = "", 0
    for character in line:
        width = len(character.encode("utf-8", "replace"))
        if size + width > _OCTETS:
            yield piece
            piece, size = " ", 1
        piece += character
        size += width
    yield piece

"""The calendar file, read back by an independent reader."""

from __future__ import annotations

import datetime as dt
from typing import Any

from icalendar import Calendar

from pytest_llmupgrade.deadlines import Deadline, Match, Notice, shipped
from pytest_llmupgrade.deadlines.calendar import calendar
from pytest_llmupgrade.deadlines.models import notices
from pytest_llmupgrade.model import ModelSpec

TODAY = dt.date(2026, 11, 23)


def read(text: str) -> list[Any]:
    """Return the events of a calendar."""
    return list(Calendar.from_ical(text).walk("VEVENT"))


def test_events_and_reminders() -> None:
    """Each model that is still there is an all-day event with reminders 60 and 30 days ahead; those gone are left out."""
    models = [
        ("judge", ModelSpec(name=name, wire_name=name))
        for name in ("gpt-4o", "gpt-5-mini", "gpt-4", "command-r")
    ]
    events = {
        str(event["SUMMARY"]): event
        for event in read(calendar(notices(models, shipped(), today=TODAY), version="1"))
    }
    assert list(events) == ["gpt-5-mini is shut down", "gpt-4o is shut down"]
    event = events["gpt-4o is shut down"]
    assert event["DTSTART"].dt == dt.date(2027, 1, 14)
    assert event["DTEND"].dt == dt.date(2027, 1, 15)
    assert [alarm["TRIGGER"].dt for alarm in event.walk("VALARM")] == [
        dt.timedelta(days=-60),
        dt.timedelta(days=-30),
    ]
    assert "Recommended instead: gpt-6-luna" in event["DESCRIPTION"]
    assert "Used as: judge" in event["DESCRIPTION"]


def test_hostile_text_stays_text() -> None:
    """A remark with line breaks, commas and long words ends up in its field, folded at 75 octets."""
    note = "a,b;c\\d\r\nEND:VEVENT\nBEGIN:VEVENT " + "ü" * 200
    deadline = Deadline(
        provider="p", id="m", shutdown=dt.date(2027, 1, 1), source="x\r\ny", checked=TODAY, note=note
    )
    notice = Notice(roles=("r",), match=Match(name="m\r\nX:1", deadline=deadline), today=TODAY)
    text = calendar([notice], version="1")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    (event,) = read(text)
    assert "a,b;c\\d\\r END:VEVENT BEGIN:VEVENT" in event["DESCRIPTION"]
    assert "ü" * 200 in event["DESCRIPTION"]
    assert "URL" not in event


def test_the_same_twice() -> None:
    """The same models give the same bytes, so that a committed file does not change by itself."""
    models = [("", ModelSpec(name="gpt-4o", wire_name="gpt-4o"))]
    first, second = (
        calendar(notices(models, shipped(), today=TODAY + dt.timedelta(days=days)), version="1")
        for days in (0, 3)
    )
    assert first == second

"""How a model's end is said."""

from __future__ import annotations

import datetime as dt

import pytest

from pytest_llmupgrade.deadlines import Deadline, Match, Notice, days_of, remarks, sentence, warning_lines
from pytest_llmupgrade.errors import UsageError

TODAY = dt.date(2026, 11, 23)


def notice(
    days: int | None, *, earliest: bool = False, replacement: str | None = None, note: str | None = None
) -> Notice:
    """Return a notice of a model that ends in so many days."""
    deadline = Deadline(
        provider="p",
        id="m",
        shutdown=None if days is None else TODAY + dt.timedelta(days=days),
        earliest=earliest,
        source="https://p",
        checked=TODAY,
        replacement=replacement,
        note=note,
    )
    return Notice(roles=("incumbent",), match=Match(name="m", deadline=deadline), today=TODAY)


@pytest.mark.parametrize(
    ("days", "stage"),
    [
        (61, "far"),
        (60, "near"),
        (31, "near"),
        (30, "loud"),
        (1, "loud"),
        (0, "gone"),
        (-9, "gone"),
        (None, "undated"),
    ],
)
def test_stages(days: int | None, stage: str) -> None:
    """60 days is near, 30 is loud, and on the day itself the model is gone."""
    assert notice(days).stage == stage


def test_sentences() -> None:
    """A sentence says who, when and what to do, in one line."""
    assert sentence(notice(1)) == "m (incumbent) will be shut down on 2026-11-24, in 1 day"
    assert sentence(notice(-3, replacement="n")) == (
        "m (incumbent) was shut down on 2026-11-20; replay its snapshots; its provider recommends n"
    )
    assert "at the earliest on 2026-12-03, in 10 days" in sentence(notice(10, earliest=True))
    assert "may have been shut down since 2026-11-13" in sentence(notice(-10, earliest=True))
    assert "deprecated; no shutdown date is named yet" in sentence(notice(None))


def test_foreign_text_does_not_act() -> None:
    """A provider's remark cannot bring control sequences or lines of its own."""
    told = notice(5, replacement="x\x1b[31m\nINJECTED", note="a\nb")
    assert "\n" not in sentence(told) + "".join(remarks(told))
    assert "\x1b" not in sentence(told)


def test_header_lines() -> None:
    """From 60 days on a model has a line, from 30 on a loud one; before, and undated, none."""
    lines = warning_lines([notice(61), notice(60), notice(30), notice(None), notice(0)])
    assert [line[:3] for line in lines] == ["m (", "!!!", "!!!"]


@pytest.mark.parametrize(("text", "days"), [("30d", 30), ("6w", 42), ("30", 30), ("0d", 0)])
def test_days(text: str, days: int) -> None:
    """Days are written as 30d, 6w or 30."""
    assert days_of(text, "--x") == days


@pytest.mark.parametrize("text", ["", "d", "-1d", "1.5d", "30 d", "99999d", "30m", "\x1b"])
def test_days_that_are_none(text: str) -> None:
    """Anything else is one line that names the flag."""
    with pytest.raises(UsageError, match=r"--x=.*write a number of days") as caught:
        days_of(text, "--x")
    assert str(caught.value).isprintable()

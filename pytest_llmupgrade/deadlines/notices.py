"""How near a model's end is, and how that is said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.wording import one_line, plural, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pytest_llmupgrade.deadlines.match import Match

Stage: TypeAlias = Literal["gone", "loud", "near", "far", "undated"]
NEAR_DAYS = 60
LOUD_DAYS = 30
_UNITS = {"d": 1, "w": 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A model of the run or the project whose end is announced."""

    roles: tuple[str, ...]
    """What it is here: incumbent, candidate, judge, ...; or the places where it was found."""
    match: Match
    today: date

    @property
    def days(self) -> int | None:
        """Days that are left; 0 or less: it is gone; None: no day is named yet."""
        shutdown = self.match.deadline.shutdown
        return None if shutdown is None else (shutdown - self.today).days

    @property
    def stage(self) -> Stage:
        """How near the end is: loud within 30 days, near within 60."""
        if self.days is None:
            return "undated"
        if self.days <= 0:
            return "gone"
        if self.days <= LOUD_DAYS:
            return "loud"
        return "near" if self.days <= NEAR_DAYS else "far"

    def within(self, days: int) -> bool:
        """Whether the model is gone, or will be in so many days."""
        return self.days is not None and self.days <= days


def sentence(notice: Notice) -> str:
    """Return the notice in one line: who, when, and what to do."""
    role = f" ({', '.join(notice.roles)})" if notice.roles else ""
    return f"{one_line(notice.match.name)}{role} {when(notice)}{_advice(notice)}"


def when(notice: Notice) -> str:
    """Return when the model ends, as a predicate."""
    deadline, days = notice.match.deadline, notice.days
    if days is None:
        return "is deprecated; no shutdown date is named yet"
    if days <= 0 and deadline.earliest:
        return f"may have been shut down since {deadline.shutdown}"
    if days <= 0:
        return f"was shut down on {deadline.shutdown}"
    at = "at the earliest on" if deadline.earliest else "on"
    return f"will be shut down {at} {deadline.shutdown}, in {plural(days, 'day')}"


def remarks(notice: Notice) -> tuple[str, ...]:
    """Return what limits the notice: how the row was matched, other providers' dates, the source's own remarks."""
    match = notice.match
    others = tuple(f"{row.provider}: {row.shutdown or 'no date'}" for row in match.others)
    told = (match.how, ", ".join(others), match.deadline.note or "")
    return tuple(one_line(text) for text in told if text)


def warning_lines(notices: Sequence[Notice]) -> tuple[str, ...]:
    """Return the lines of the header of a run: from 60 days on; loud from 30."""
    lines = []
    for notice in notices:
        if notice.stage in ("gone", "loud"):
            lines.append(f"!!! {sentence(notice)}")
        elif notice.stage == "near":
            lines.append(sentence(notice))
    return tuple(lines)


def days_of(text: str, flag: str) -> int:
    """Return the days of `30d`, `6w` or `30`; UsageError names the flag for anything else."""
    found = re.fullmatch(r"(\d{1,4})([dw]?)", text)
    if found is None:
        raise UsageError(f"{flag}={shorten(one_line(text), 40)}: write a number of days, such as {flag}=30d")
    return int(found[1]) * _UNITS.get(found[2], 1)


def _advice(notice: Notice) -> str:
    replacement = notice.match.deadline.replacement
    instead = f"its provider recommends {one_line(replacement)}" if replacement else ""
    gone = "replay its snapshots" if notice.stage == "gone" else ""
    told = "; ".join(part for part in (gone, instead) if part)
    return f"; {told}" if told else ""

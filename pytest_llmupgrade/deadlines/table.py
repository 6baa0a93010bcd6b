"""The shutdown dates that ship with the package; built by scripts/build_deadlines.py, each row with its source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """What is known of one model's end."""

    provider: str
    """`openai`, `anthropic`, `google-gemini-api`, ...; `yours` where the user declared it."""
    id: str
    """The model's name as the provider writes it."""
    shutdown: date | None
    """The first day on which the model is gone; None: deprecated, and no day named yet."""
    source: str
    """The page or the list that names the date."""
    checked: date
    """When the source was last looked at."""
    aliases: tuple[str, ...] = ()
    earliest: bool = False
    """The provider says 'not before' and names the true day later."""
    announced: date | None = None
    replacement: str | None = None
    """What the provider recommends, in its own words."""
    note: str | None = None
    via: tuple[str, ...] = ()
    """Whose transcripts of the source agree on the date, where the page itself could not be read."""


@cache
def shipped_rows() -> tuple[Deadline, ...]:
    """Return every row of the package's table, sorted by provider and name."""
    return tuple(_row(row) for row in _data()["models"])


def as_of() -> date:
    """Return the day on which the package's table was compiled."""
    return date.fromisoformat(_data()["as_of"])


@cache
def _data() -> Any:
    text = files("pytest_llmupgrade").joinpath("data", "deadlines.json").read_text(encoding="utf-8")
    return json.loads(text)


def _row(row: dict[str, Any]) -> Deadline:
    return Deadline(
        provider=row["provider"],
        id=row["id"],
        shutdown=_date(row.get("shutdown")),
        source=row["source"],
        checked=date.fromisoformat(row["checked"]),
        aliases=tuple(row.get("aliases", ())),
        earliest=row.get("earliest", False),
        announced=_date(row.get("announced")),
        replacement=row.get("replacement"),
        note=row.get("note"),
        via=tuple(row.get("via", ())),
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None

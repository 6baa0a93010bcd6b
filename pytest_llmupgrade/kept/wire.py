"""The file of a kept run, schema `llmupgrade-run/1`: JSON lines, a head first, then one line per record, an end last.

```text
{"schema": "llmupgrade-run/1", "created": ..., "plugin_version": ..., "models": [...], "planned": {...}, ...}
{"case_id": ..., "nodeid": ..., "model": ..., "outcome": ..., ...}      a record, as `codec` writes it; the last of a node id counts
{"end": {"exit_reason": ..., "planned": {...}}}                                          missing where the run was killed
```
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pytest_llmupgrade.checked import checked
from pytest_llmupgrade.judges.identity import JudgeIdentity  # noqa: TC001  pydantic reads the annotations
from pytest_llmupgrade.model import Record

SCHEMA = "llmupgrade-run/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Which part of the cases a run took: `number` of `count`, from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """The kept run whose incumbent a run was compared with (`--llm-baseline`)."""

    path: str
    """From the project's root, where it was in there."""
    created: str
    """Its own head's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What holds for a whole run, written before its first record."""

    created: str
    """ISO 8601, UTC."""
    plugin_version: str
    models: tuple[str, ...]
    """The incumbent first."""
    planned: dict[str, int] = field(default_factory=dict)
    """Selected items by model."""
    judge: JudgeIdentity | None = None
    """None: no model was declared for `llm_judge`."""
    shard: Shard | None = None
    margin: float | None = None
    """Percentage points, where the run was told them (`--llm-margin`); None: the project's own."""
    look: int = 1
    """Which of the planned looks the run was."""
    baseline: StandIn | None = None
    """None: the incumbent is the first of the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What is known once a run is over."""

    exit_reason: str = "finished"
    planned: dict[str, int] = field(default_factory=dict)
    live: int = 0
    """Answers that a provider gave in the run."""
    stored: int = 0
    retried: int = 0
    spent_usd: Decimal = Decimal(0)


def head_line(head: Head) -> bytes:
    """Return a head as the file's first line."""
    return _line({"schema": SCHEMA, **dataclasses.asdict(head)})


def end_line(end: End) -> bytes:
    """Return an end as the file's last line."""
    return _line({"end": dataclasses.asdict(end)})


def _line(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain, separators=(",", ":"), default=str).encode() + b"\n"


def read_head(plain: object) -> Head:
    """Return the head of a line's JSON; ValueError says what is wrong with it."""
    return checked(Head, plain)


def read_end(plain: object) -> End:
    """Return the end of a line's JSON; ValueError says what is wrong with it."""
    return checked(End, plain)


def read_record(plain: object) -> Record:
    """Return the record of a line's JSON; ValueError says what is wrong with it."""
    return checked(Record, plain)

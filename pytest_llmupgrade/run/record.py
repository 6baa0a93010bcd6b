"""Record: the journal that keeps every record on disk, and a light row of each in memory."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from pytest_llmupgrade.codec import record_from_plain, record_to_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from pytest_llmupgrade.model import Outcome, Record, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the statistics need of a record; the answer stays in the journal, at `offset`."""

    case_id: str
    nodeid: str
    model: str
    outcome: Outcome
    category: str
    difficulty: str
    weight: float
    usage: Usage | None
    cost_usd: Decimal | None
    judge_cost_usd: Decimal | None
    latency_ms: float | None
    origin: str | None
    adapted: tuple[str, ...]
    times: int
    passes: int
    offset: int


class Journal:
    """Records as JSON lines, append-only, beside rows by node id of which the last attempt wins."""

    def __init__(self, stream: IO[bytes] | None = None) -> None:
        self._stream = stream or tempfile.TemporaryFile(prefix="llmupgrade-")  # noqa: SIM115  closed by close()
        self._rows: dict[str, Row] = {}

    def append(self, record: Record) -> None:
        """Keep a record; a later one of the same node id (a rerun) takes its place."""
        offset = self._stream.seek(0, 2)
        line = json.dumps(record_to_plain(record), ensure_ascii=False, separators=(",", ":"))
        self._stream.write(line.encode("utf-8", "backslashreplace") + b"\n")
        self._rows[record.nodeid] = _row(record, offset)

    @property
    def rows(self) -> Mapping[str, Row]:
        """The last row of each node id, in the order in which the items first finished."""
        return self._rows

    def read(self, row: Row) -> Record:
        """Return the whole record of a row."""
        self._stream.seek(row.offset)
        return record_from_plain(json.loads(self._stream.readline()))

    def records(self) -> Iterator[Record]:
        """Yield the whole record of every row, one at a time."""
        for row in tuple(self._rows.values()):
            yield self.read(row)

    def close(self) -> None:
        """Release the file."""
        self._stream.close()


def _row(record: Record, offset: int) -> Row:
    return Row(
        case_id=record.case_id,
        nodeid=record.nodeid,
        model=record.model,
        outcome=record.outcome,
        category=record.category,
        difficulty=record.difficulty,
        weight=record.weight,
        usage=record.usage,
        cost_usd=record.cost_usd,
        judge_cost_usd=record.judge_cost_usd,
        latency_ms=record.latency_ms,
        origin=record.origin,
        adapted=record.adapted,
        times=record.times,
        passes=record.passes,
        offset=offset,
    )

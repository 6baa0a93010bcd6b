"""Record: the journal that keeps every record on disk, and a light row of each in memory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import IO, TYPE_CHECKING, TypeVar

from pytest_llmupgrade.codec import record_from_line, record_to_line
from pytest_llmupgrade.model import JUDGED, NEGATION
from pytest_llmupgrade.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    from pytest_llmupgrade.model import Outcome, PromptUse, Record, Usage


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the statistics need of a record; the answer stays in the journal, at `offset`."""

    case_id: str
    nodeid: str
    model: str
    """The column: the model, with the version where `--llm-prompts` made that an axis."""
    outcome: Outcome
    category: str
    difficulty: str
    weight: float
    must_pass: bool
    usage: Usage | None
    cost_usd: Decimal | None
    judge_cost_usd: Decimal | None
    latency_ms: float | None
    origin: str | None
    adapted: tuple[str, ...]
    times: int
    passes: int
    case_sha256: str
    asked_sha256: str
    judged_by: str | None
    """The model behind its `llm_judge`."""
    judge_passed: bool | None
    """What that model said of the answer; None: it was not asked, or of several answers."""
    judge_adapted: tuple[str, ...]
    """What was changed in the requests of its judges: model and words."""
    offset: int
    variant: Variant
    """What the column is made of."""
    prompt: PromptUse | None = None
    others: tuple[int, ...] = ()
    """Where the item's attempts that do not count begin: it was run again."""


def counting(before: Row | None, after: Row) -> Row:
    """Return which attempt at an item counts: the first that was judged, for who retries misses alone finds none."""
    if before is None:
        return after
    counts, other = (before, after) if before.outcome in JUDGED else (after, before)
    return replace(counts, others=tuple(sorted((*before.others, other.offset))))


class Journal:
    """Records as JSON lines, append-only, beside rows by node id of which the first attempt that was judged counts.

    Each record is a line of its own in the file before `append` returns, so that a killed run has all but its last.
    A disk that takes no more costs the file, never a record: what does not fit stays in memory.
    """

    def __init__(self, open_stream: Callable[[], IO[bytes]] | None = None) -> None:
        self._open = open_stream or _temporary
        self._file: IO[bytes] | None = None
        self._rows: dict[str, Row] = {}
        self._unwritten: dict[int, Record] = {}
        self.fault: str | None = None
        """Why the file lacks records, None where it lacks none."""

    def append(self, record: Record) -> None:
        """Keep a record; a later one of the same node id (a rerun) takes its place only if it was not judged."""
        self.append_line(record_to_line(record), record.nodeid)

    def append_line(self, line: str, nodeid: str) -> None:
        """Keep a record that came as `record_to_line` writes it; of its node id, this object, which others have, too."""
        record = record_from_line(line)
        offset = self._write(line.encode() + b"\n")
        if offset is None:
            offset = -1 - len(self._unwritten)
            self._unwritten[offset] = record
        self._rows[nodeid] = counting(self._rows.get(nodeid), row_of(record, offset, nodeid))

    def _write(self, line: bytes) -> int | None:
        """Return where the line begins, None where the disk did not take it."""
        if self.fault is not None:
            return None
        try:
            offset = self._stream.seek(0, 2)
            self._stream.write(line)
            self._stream.flush()
        except OSError as error:
            self.fault = error.strerror or str(error)
            return None
        return offset

    @property
    def _stream(self) -> IO[bytes]:
        if self._file is None:
            self._file = self._open()
        return self._file

    @property
    def rows(self) -> Mapping[str, Row]:
        """The row that counts of each node id, in the order in which the items first finished."""
        return self._rows

    def read(self, row: Row) -> Record:
        """Return the whole record of a row."""
        if row.offset < 0:
            return self._unwritten[row.offset]
        self._stream.seek(row.offset)
        return record_from_line(self._stream.readline())

    def records(self) -> Iterator[Record]:
        """Yield the whole record of every row, one at a time."""
        for row in tuple(self._rows.values()):
            yield self.read(row)

    def end(self, line: bytes) -> None:
        """Write a last line that is no record."""
        self._write(line)

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()


def _temporary() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="llmupgrade-")


@lru_cache(maxsize=1_000)
def _shared(value: T) -> T:
    """Return one object for all equal ones: every row has them."""
    return value


def row_of(record: Record, offset: int, nodeid: str | None = None) -> Row:
    """Return the row of a record that begins at `offset`, in bytes; `nodeid` is the object to keep for its node id."""
    judge_calls = [call for judgement in record.judgements for call in judgement.calls]
    variant = _shared(Variant(model=record.model, version=record.asked_version))
    return Row(
        case_id=_shared(record.case_id),
        nodeid=nodeid or record.nodeid,
        model=variant.name,
        outcome=_shared(record.outcome),
        category=_shared(record.category),
        difficulty=_shared(record.difficulty),
        weight=record.weight,
        must_pass=record.must_pass,
        usage=record.usage,
        cost_usd=record.cost_usd,
        judge_cost_usd=record.judge_cost_usd,
        latency_ms=record.latency_ms,
        origin=_shared(record.origin),
        adapted=record.adapted,
        times=record.times,
        passes=record.passes,
        case_sha256=_shared(record.case_sha256),
        asked_sha256=_shared(record.asked_sha256),
        judged_by=next((call.model for call in judge_calls), None),
        judge_adapted=tuple(f"{call.model}: {words}" for call in judge_calls for words in call.adapted),
        judge_passed=_judge_passed(record),
        offset=offset,
        variant=variant,
        prompt=_shared(record.prompt),
    )


def _judge_passed(record: Record) -> bool | None:
    if record.repeats:
        return None
    asked = (judgement for judgement in record.judgements if judgement.calls)
    return next((one.passed != one.judge.startswith(NEGATION) for one in asked), None)

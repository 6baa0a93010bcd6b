"""A kept run read back: rows in memory, answers on disk; the file's text is data, checked line by line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.codec import record_from_line
from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.kept.wire import SCHEMA, End, Head, read_end, read_head, read_record
from pytest_llmupgrade.run.record import Row, counting, row_of
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_llmupgrade.model import Record

MAX_LINE = 64 * 2**20
"""Bytes of one line: an answer of tens of millions of tokens is none."""
MAX_FAULTS = 10
_NOT_A_RUN = "no kept run; give a file that pytest wrote with --llm-models (see `llmupgrade runs`)"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """A run that is over, or that was killed."""

    path: Path
    shown: str
    """The path as the user wrote it."""
    head: Head
    rows: Mapping[str, Row]
    """By node id; of each, the first attempt that was judged."""
    end: End | None
    """None: the run was killed."""
    judge_asked: bool
    """Whether `llm_judge` judged anything."""

    @property
    def planned(self) -> Mapping[str, int]:
        """Selected items by model, as far as is known."""
        return self.end.planned if self.end is not None else self.head.planned

    def read(self, row: Row) -> Record:
        """Return the whole record of a row."""
        with self.path.open("rb") as stream:
            stream.seek(row.offset)
            return record_from_line(stream.readline())

    def records(self) -> Iterator[Record]:
        """Yield the whole record of every row, one at a time."""
        with self.path.open("rb") as stream:
            for row in self.rows.values():
                stream.seek(row.offset)
                yield record_from_line(stream.readline())


def read_run(path: Path, *, shown: str | None = None) -> KeptRun:
    """Return a kept run; FaultyFiles names each line that is none, a last line cut by a kill excepted."""
    reader = _Reader(shown or str(path))
    try:
        with path.open("rb") as stream:
            offset = 0
            while line := stream.readline(MAX_LINE):
                reader.take(line, offset)
                offset += len(line)
    except OSError as error:
        raise FaultyFiles([Fault(reader.shown, 0, f"cannot be read: {error.strerror}")]) from None
    return reader.run(path)


class _Reader:
    def __init__(self, shown: str) -> None:
        self.shown = shown
        self._number = 0
        self._faults: list[Fault] = []
        self._head: Head | None = None
        self._end: End | None = None
        self._rows: dict[str, Row] = {}
        self._judge_asked = False

    def take(self, line: bytes, offset: int) -> None:
        self._number += 1
        if not line.endswith(b"\n"):
            if len(line) >= MAX_LINE or self._head is None:
                self._halt(_NOT_A_RUN)
            return  # the run was killed while it wrote this line
        try:
            plain = json.loads(line)
            if self._head is None:
                self._head = self._read_head(plain)
            elif isinstance(plain, dict) and "end" in plain:
                self._end = read_end(plain["end"])
            else:
                self._keep(read_record(plain), offset)
        except (ValueError, RecursionError) as error:
            self._fault(error)

    def _read_head(self, plain: object) -> Head:
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if schema != SCHEMA:
            newer = isinstance(schema, str) and schema.startswith("llmupgrade-run/")
            self._halt(
                f"schema {shorten(one_line(str(schema)), 40)!r} is not read, {SCHEMA!r} is; upgrade pytest-llmupgrade"
                if newer
                else _NOT_A_RUN
            )
        head = read_head(plain)
        if not head.models:
            raise ValueError("models: a run names at least one")
        return head

    def _keep(self, record: Record, offset: int) -> None:
        _check_amounts(record)
        self._rows[record.nodeid] = counting(self._rows.get(record.nodeid), row_of(record, offset))
        self._judge_asked |= any(judgement.calls for judgement in record.judgements)

    def _fault(self, error: Exception) -> None:
        if self._head is None:
            self._halt(_NOT_A_RUN)
        what = shorten(one_line(str(error)), 200)
        self._faults.append(
            Fault(self.shown, self._number, f"no record of a run: {what}; keep the file as it was written")
        )
        if len(self._faults) >= MAX_FAULTS:
            raise FaultyFiles(self._faults)

    def _halt(self, message: str) -> None:
        raise FaultyFiles([Fault(self.shown, self._number, message)])

    def run(self, path: Path) -> KeptRun:
        if self._head is None:
            raise FaultyFiles([Fault(self.shown, 0, f"empty: {_NOT_A_RUN}")])
        if self._faults:
            raise FaultyFiles(self._faults)
        return KeptRun(
            path=path,
            shown=self.shown,
            head=self._head,
            rows=self._rows,
            end=self._end,
            judge_asked=self._judge_asked,
        )


def _check_amounts(record: Record) -> None:
    """Raise ValueError for an amount that no run can have written."""
    usage = record.usage
    tokens = (
        (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, usage.reasoning_tokens)
        if usage
        else ()
    )
    for name, amounts in (
        ("usage", tokens),
        ("weight", (record.weight,)),
        ("latency_ms", (record.latency_ms,)),
        ("cost_usd", (record.cost_usd, record.judge_cost_usd)),
    ):
        for amount in amounts:
            if amount is not None and not 0 <= amount < float("inf"):
                raise ValueError(f"{name}: {amount} is no amount")

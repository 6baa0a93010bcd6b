"""Logs to drafts of cases: filter, draw, redact, and keep count of everything that falls."""

from __future__ import annotations

import gc
import math
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import Fault, UsageError
from pytest_llmupgrade.logs.drafting import draft
from pytest_llmupgrade.logs.exchange import Exchange, Skip, question_key
from pytest_llmupgrade.logs.near import without_near
from pytest_llmupgrade.logs.opening import STDIN
from pytest_llmupgrade.logs.reading import read_logs
from pytest_llmupgrade.logs.sampling import Kept, Pool, quotas, weighed
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_llmupgrade.logs.drafting import Draft, Judging
    from pytest_llmupgrade.logs.exchange import Call
    from pytest_llmupgrade.logs.reading import How, Read
    from pytest_llmupgrade.logs.redact import Redactor
    from pytest_llmupgrade.logs.updating import Existing

_LISTED = 20
OTHER_MODEL = "answered by another model"


@dataclass(slots=True)
class Tally:
    """What became of the records, counted as they are read."""

    records: int = 0
    answered: int = 0
    kept: int = 0
    """Answered requests that are rated well enough."""
    rated: int = 0
    low: int = 0
    unreadable: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Unreadable records by file and reason."""
    faults: list[Fault] = field(default_factory=list)
    """The first unreadable records."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Records that are no answered requests, by reason."""
    formats: Counter[str] = field(default_factory=Counter)
    """Records by format."""
    first: float = math.inf
    """When the first request was answered, in seconds since 1970."""
    last: float = 0.0
    timed: int = 0
    """Answered requests that say when."""

    def time(self, at: float) -> None:
        """Take the time of an answered request in."""
        self.timed += 1
        self.first = min(self.first, at)
        self.last = max(self.last, at)

    def skip(self, read: Read, skip: Skip) -> None:
        """Count a record that makes no case."""
        if not skip.unreadable:
            self.skipped[skip.reason] += 1
            return
        self.unreadable += 1
        self.reasons[_shown(read.file), skip.reason] += 1
        if len(self.faults) < _LISTED:
            self.faults.append(Fault(_shown(read.file), read.line, skip.reason))

    def causes(self) -> Iterator[Fault]:
        """Yield the first of the listed faults of each file and reason, and how many are alike."""
        for fault in {(fault.file, fault.message): fault for fault in reversed(self.faults)}.values():
            more = self.reasons[fault.file, fault.message] - 1
            yield (
                replace(fault, message=f"{fault.message} ({plural(more, 'more record')} alike)")
                if more
                else fault
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The drafts, in the order of the logs, and what fell."""

    drafts: Sequence[Draft]
    near: int
    known: int
    """Questions that the file has already."""
    left: int
    """Questions that were not drawn."""
    distinct: int
    distinct_exact: bool
    groups: int
    answers: Mapping[int, Exchange]
    """What is drawn, clean, by the key of its question."""


def gathered(  # noqa: PLR0913  they are what the command line says
    files: Sequence[str],
    how: How,
    tally: Tally,
    *,
    sample: int | None,
    by: Sequence[str],
    seed: int,
    min_rating: float,
    of: Callable[[Call], bool] | None = None,
) -> Pool:
    """Return the questions that may become cases; `of` tells whose answers are wanted, None: everybody's."""
    if sample is not None and sample < 1:
        raise UsageError(f"--sample {sample}: draw at least one case")
    pool = Pool(sample)
    key = seed.to_bytes(16, "big", signed=True)
    with _uncollected():
        _fill(pool, read_logs(files, how), tally, by=by, key=key, min_rating=min_rating, of=of)
    return pool


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave the search for reference cycles out: parsed JSON has none, and looking costs a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _fill(  # noqa: PLR0913  as above
    pool: Pool,
    reads: Iterator[Read],
    tally: Tally,
    *,
    by: Sequence[str],
    key: bytes,
    min_rating: float,
    of: Callable[[Call], bool] | None,
) -> None:
    for read in reads:
        result = read.result
        tally.records += 1
        tally.formats[read.kind] += 1
        if isinstance(result, Skip):
            tally.skip(read, result)
            continue
        tally.answered += 1
        if result.call.at:
            tally.time(result.call.at)
        if of is not None and not of(result.call):
            tally.skipped[OTHER_MODEL] += 1
            continue
        tally.rated += result.rating > 0
        if result.rating < min_rating:
            tally.low += 1
            continue
        tally.kept += 1
        group = tuple([getattr(result, name) for name in by])
        rank = question_key(result.messages, key)
        pool.add(group, Kept(rank, result, (read.file, read.line), read.size))


def built(  # noqa: PLR0913  they are what the command line says
    pool: Pool,
    *,
    redactor: Redactor | None,
    judges: Judging,
    sample: int | None,
    near: float,
    before: Existing | None,
) -> Built:
    """Return the drafts of the cases that are drawn; UsageError where the sample is too small for the groups."""
    groups = pool.joined()
    unlike = {group: without_near(kept, near) for group, kept in groups.items()}
    drawn = list(_drawn(pool, {group: kept for group, (kept, _fell) in unlike.items()}, sample))
    drawn.sort(key=lambda pair: pair[0].source)
    merged = _merged(drawn, redactor)
    drafts, known = _drafts(merged, judges, before)
    strata = pool.strata.values()
    return Built(
        drafts=drafts,
        near=sum(fell for _kept, fell in unlike.values()),
        known=known,
        left=sum(len(kept) for kept, _fell in unlike.values()) - len(drawn),
        distinct=sum(len(kept) for kept in groups.values())
        if not any(stratum.overflowed for stratum in strata)
        else sum(stratum.distinct for stratum in strata),
        distinct_exact=not any(stratum.overflowed for stratum in strata),
        groups=len(pool.strata),
        answers={key: exchange for key, (exchange, _weight, _source) in merged.items()},
    )


def _drawn(
    pool: Pool, groups: dict[tuple[str, ...], list[Kept]], sample: int | None
) -> Iterator[tuple[Kept, float]]:
    if sample is not None and sample < len(groups):
        raise UsageError(
            f"--sample {sample}: there are {len(groups)} groups; draw at least {len(groups)}, or use --by none"
        )
    names = sorted(groups)
    available = [len(groups[name]) for name in names]
    requests = [pool.strata[name].requests for name in names]
    counts = available if sample is None else quotas(sample, requests, available)
    for name, count, total in zip(names, counts, requests, strict=True):
        yield from weighed(groups[name][:count], total)


def _merged(
    drawn: Sequence[tuple[Kept, float]], redactor: Redactor | None
) -> dict[int, tuple[Exchange, float, str]]:
    """Return the Exchanges as they will be written, by question: what differed in a placeholder only is one."""
    merged: dict[int, tuple[Exchange, float, str]] = {}
    for kept, weight in drawn:
        clean = redactor.exchange(kept.exchange) if redactor else kept.exchange
        key = question_key(clean.messages)
        first = merged.get(key)
        source = f"{_shown(kept.source[0])}:{kept.source[1]}"
        merged[key] = (first[0], first[1] + weight, first[2]) if first else (clean, weight, source)
    return merged


def _drafts(
    merged: dict[int, tuple[Exchange, float, str]], judges: Judging, before: Existing | None
) -> tuple[list[Draft], int]:
    taken = set(before.ids) if before else set()
    default = before.judge if before else judges.default
    drafts: list[Draft] = []
    known = 0
    for key, (exchange, weight, source) in merged.items():
        if before and (key in before.questions or before.has_id_of(key)):
            known += 1
            continue
        judge = judges.of(exchange)
        drafts.append(
            draft(exchange, judge, default=default or "", weight=weight, source=source, taken=taken)
        )
        taken.add(drafts[-1].id)
    return drafts, known


def _shown(file: str) -> str:
    return "stdin" if file == STDIN else Path(file).name

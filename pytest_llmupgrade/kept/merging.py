"""Shards of a CI matrix joined into one run, as if one job had run it all."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.judges.identity import judge_differences
from pytest_llmupgrade.kept.joining import call_counts, exit_reason
from pytest_llmupgrade.kept.refusals import listed
from pytest_llmupgrade.kept.standing_in import shared_by
from pytest_llmupgrade.kept.wire import End, Head, end_line, head_line
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.kept.reading import KeptRun


def check_mergeable(runs: Sequence[KeptRun]) -> None:
    """Raise UsageError with every reason against joining the runs."""
    reasons = [*_shard_reasons(runs), *_overlaps(runs), *_differences(runs)]
    if reasons:
        raise UsageError("\n".join(["the runs cannot be joined:", *(f"  - {reason}" for reason in reasons)]))


def _shard_reasons(runs: Sequence[KeptRun]) -> Iterator[str]:
    shards = [run.head.shard for run in runs]
    counts = {shard.count for shard in shards if shard is not None}
    if not counts:
        return
    if None in shards or len(counts) > 1:
        said = ", ".join(f"{run.shown}: {run.head.shard or 'no shard'}" for run in runs)
        yield f"they are not the shards of one run ({said})"
        return
    count = counts.pop()
    found = Counter(shard.number for shard in shards if shard is not None)
    missing = [f"{number}/{count}" for number in range(1, count + 1) if not found[number]]
    if missing:
        yield f"shard {', '.join(missing)} is missing; the statistics would be those of a part"


def _overlaps(runs: Sequence[KeptRun]) -> Iterator[str]:
    for index, run in enumerate(runs):
        for other in runs[:index]:
            both = [nodeid for nodeid in run.rows if nodeid in other.rows]
            if both:
                yield f"{plural(len(both), 'item')} in {other.shown} and in {run.shown}: {listed(both)}"


def _differences(runs: Sequence[KeptRun]) -> Iterator[str]:
    first, *others = runs
    for other in others:
        if _rule_of(other) != _rule_of(first):
            yield f"{other.shown}: {_rule_of(other)}, but {_rule_of(first)} in {first.shown}; the verdict is one for all"
        if first.head.judge is not None and other.head.judge is not None:
            for words in judge_differences(first.head.judge, other.head.judge):
                yield f"{other.shown}: {words.replace(' then', f' in {first.shown}').replace(' now', ' there')}"
        if other.head.shard is not None and other.head.models != first.head.models:
            yield f"{other.shown}: other models than {first.shown}: {', '.join(other.head.models)}"
    known: dict[str, tuple[str, str]] = {}
    for run in runs:
        for row in run.rows.values():
            sha, shown = known.setdefault(row.case_id, (row.case_sha256, run.shown))
            if sha != row.case_sha256:
                yield f"{row.case_id} asks or wants something else in {run.shown} than in {shown}"


def _rule_of(run: KeptRun) -> str:
    """Return what a run's verdict was to go by, in words."""
    margin = "no --llm-margin" if run.head.margin is None else f"--llm-margin={run.head.margin:g}"
    return f"{margin}, look {run.head.look}"


def write_merged(runs: Sequence[KeptRun], stream: IO[bytes]) -> None:
    """Write the runs as one kept run."""
    planned: Counter[str] = Counter()
    for run in runs:
        planned.update(run.planned)
    stream.write(head_line(merged_head(runs, dict(planned))))
    for run in runs:
        with run.path.open("rb") as source:
            for row in run.rows.values():
                for offset in sorted((row.offset, *row.others)):
                    source.seek(offset)
                    stream.write(source.readline())
    calls = call_counts(runs)
    end = End(
        exit_reason=exit_reason(runs),
        planned=dict(planned),
        live=calls.live,
        stored=calls.stored,
        retried=calls.retried,
        spent_usd=calls.spent_usd,
    )
    stream.write(end_line(end))


def merged_head(runs: Sequence[KeptRun], planned: dict[str, int]) -> Head:
    """Return the head of the joined run: no shard, all models, the last one's date."""
    last = max(runs, key=lambda run: run.head.created)
    return replace(
        last.head,
        models=tuple(dict.fromkeys(name for run in runs for name in run.head.models)),
        planned=planned,
        judge=next((run.head.judge for run in runs if run.head.judge is not None), None),
        shard=None,
        baseline=shared_by(runs),
    )

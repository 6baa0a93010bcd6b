from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.judges.identity import JudgeIdentity
from pytest_llmupgrade.kept.joining import join_runs
from pytest_llmupgrade.kept.merging import check_mergeable, write_merged
from pytest_llmupgrade.kept.reading import read_run
from pytest_llmupgrade.kept.shards import shard_of
from pytest_llmupgrade.kept.wire import End, Shard
from tests.kept.making import head, keep, record

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_llmupgrade.kept.reading import KeptRun
    from pytest_llmupgrade.model import Record

JUDGE = JudgeIdentity(model="gpt-4o", prompt_sha256="1", params_sha256="2")
CASES = tuple("abcdefgh")


def all_records() -> list[Record]:
    """Return a whole run: two models that disagree on some cases."""
    return [
        record(
            case,
            model,
            "missed" if case in missed else "passed",
            cost_usd=Decimal("0.1"),
            latency_ms=float(i + 1),
        )
        for i, case in enumerate(CASES)
        for model, missed in (("old", "ab"), ("new", "bc"))
    ]


def shard(folder: Path, number: int, count: int, judge: JudgeIdentity | None = None) -> KeptRun:
    """Return the part of the run that a CI job ran."""
    records = [one for one in all_records() if shard_of(one.case_id, count) == number]
    planned = {model: sum(one.model == model for one in records) for model in ("old", "new")}
    return keep(
        folder / f"{number}.jsonl",
        records,
        head(shard=Shard(number=number, count=count), planned=planned, judge=judge),
        End(planned=planned, live=len(records), spent_usd=Decimal("0.1") * len(records)),
    )


def whole(folder: Path) -> KeptRun:
    """Return the same run, made by one job."""
    end = End(planned={"old": 8, "new": 8}, live=16, spent_usd=Decimal("1.6"))
    return keep(folder / "whole.jsonl", all_records(), head(), end)


def ordered(run: KeptRun) -> list[Record]:
    """Return the records by node id."""
    return sorted(run.records(), key=lambda one: one.nodeid)


def test_the_parts_make_the_whole(tmp_path: Path) -> None:
    """Shards joined say what one job that ran it all would have said."""
    shards = [shard(tmp_path, number, 3) for number in (3, 1, 2)]
    check_mergeable(shards)
    joined, single = join_runs(shards).summary, join_runs([whole(tmp_path)]).summary
    assert joined.models == single.models
    assert joined.calls == single.calls
    (parts,), (one,) = joined.comparisons, single.comparisons
    assert parts.difference == one.difference
    assert {flip.case_id for flip in parts.broke} == {flip.case_id for flip in one.broke}
    assert joined.exit_reason == "finished"


def test_what_is_written_is_a_run(tmp_path: Path) -> None:
    """The joined file is a kept run like any other, with all records and no shard."""
    shards = [shard(tmp_path, number, 3) for number in (1, 2, 3)]
    with (tmp_path / "merged.jsonl").open("wb") as stream:
        write_merged(shards, stream)
    merged = read_run(tmp_path / "merged.jsonl")
    assert ordered(merged) == ordered(whole(tmp_path))
    assert merged.head.shard is None
    assert dict(merged.planned) == {"old": 8, "new": 8}
    assert merged.end == whole(tmp_path).end


def test_models_of_several_jobs(tmp_path: Path) -> None:
    """Runs of one model each are joined into one run of all of them."""
    runs = [
        keep(tmp_path / name, [one for one in all_records() if one.model == name], head([name]))
        for name in ("old", "new")
    ]
    check_mergeable(runs)
    assert [model.name for model in join_runs(runs).summary.models] == ["old", "new"]


def test_a_killed_shard_is_told_of(tmp_path: Path) -> None:
    """The joined run has not finished where a part of it has not."""
    first, second = shard(tmp_path, 1, 2), shard(tmp_path, 2, 2)
    assert join_runs([first, replace(second, end=None)]).summary.exit_reason == "killed"


def refusal(*runs: KeptRun) -> str:
    """Return why runs are not joined."""
    with pytest.raises(UsageError) as caught:
        check_mergeable(runs)
    return str(caught.value)


def test_a_missing_shard(tmp_path: Path) -> None:
    """A part is never taken for the whole."""
    assert "shard 2/4, 4/4 is missing" in refusal(shard(tmp_path, 1, 4), shard(tmp_path, 3, 4))


def test_the_same_shard_twice(tmp_path: Path) -> None:
    """An item is never counted twice."""
    first = shard(tmp_path, 1, 1)
    assert "16 items in 1.jsonl and in 1.jsonl: " in refusal(first, first)


def test_shards_of_different_runs(tmp_path: Path) -> None:
    """Shards of 2 and of 3 are not of one run, nor is a shard beside a whole run."""
    assert "not the shards of one run (1.jsonl: 1/2, 3.jsonl: 3/3)" in refusal(
        shard(tmp_path, 1, 2), shard(tmp_path, 3, 3)
    )
    assert "1.jsonl: 1/2, whole.jsonl: no shard" in refusal(shard(tmp_path, 1, 2), whole(tmp_path))


def test_another_margin_or_look(tmp_path: Path) -> None:
    """Shards whose verdict was to go by another margin or look are refused, in whatever order they are named."""
    first, second = shard(tmp_path, 1, 2), shard(tmp_path, 2, 2)
    five, twenty = (
        replace(first, head=replace(first.head, margin=5.0)),
        replace(second, head=replace(second.head, margin=20.0)),
    )
    assert "2.jsonl: --llm-margin=20, look 1, but --llm-margin=5, look 1 in 1.jsonl" in refusal(five, twenty)
    assert "1.jsonl: --llm-margin=5, look 1, but --llm-margin=20, look 1 in 2.jsonl" in refusal(twenty, five)
    assert "1.jsonl: --llm-margin=5, look 1, but no --llm-margin, look 1 in 2.jsonl" in refusal(second, five)
    again = replace(second, head=replace(second.head, look=2))
    assert "2.jsonl: no --llm-margin, look 2, but no --llm-margin, look 1 in 1.jsonl" in refusal(first, again)
    check_mergeable([five, replace(second, head=replace(second.head, margin=5.0))])


def test_another_judge_or_suite_or_models(tmp_path: Path) -> None:
    """Parts with different judges, cases or models are refused, with what differs."""
    first = shard(tmp_path, 1, 2, judge=JUDGE)
    second = shard(tmp_path, 2, 2, judge=replace(JUDGE, model="gpt-5"))
    assert "2.jsonl: another judge: gpt-4o in 1.jsonl, gpt-5 there" in refusal(first, second)
    other = replace(second, head=replace(second.head, judge=None, models=("old", "third")))
    assert "2.jsonl: other models than 1.jsonl: old, third" in refusal(first, other)
    row = next(iter(second.rows.values()))
    changed = replace(first, rows={**first.rows, "x": replace(row, nodeid="x", case_sha256="another")})
    assert "asks or wants something else in 2.jsonl than in 1.jsonl" in refusal(changed, second)


def test_shards_are_the_same_everywhere() -> None:
    """A case's shard depends on its name alone: pinned, for jobs of two versions may share a matrix."""
    assert [shard_of(f"evals/eval_a.yaml::{case}", 4) for case in CASES] == PINNED


PINNED = [4, 1, 1, 1, 2, 1, 4, 4]

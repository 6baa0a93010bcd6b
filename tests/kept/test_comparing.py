from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.judges.identity import JudgeIdentity
from pytest_llmupgrade.kept.comparing import compare_runs
from pytest_llmupgrade.kept.refusals import Incomparable
from pytest_llmupgrade.kept.wire import End, Shard
from pytest_llmupgrade.model import JudgeCall, Judgement
from tests.kept.making import FILE, head, keep, record

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_llmupgrade.kept.reading import KeptRun
    from pytest_llmupgrade.model import Record

JUDGE = JudgeIdentity(model="gpt-4o", prompt_sha256="1", params_sha256="2")
ASKED = Judgement(judge="llm_judge", passed=True, calls=(JudgeCall(model="j", usage=None),))


def old_run(folder: Path, *more: Record, judge: JudgeIdentity | None = None) -> KeptRun:
    """Return a run of `old` on a and b."""
    records = [record("a", "old"), record("b", "old", "missed"), *more]
    return keep(folder / "old.jsonl", records, head(["old"], planned={"old": 2}, judge=judge))


def new_run(folder: Path, *more: Record, judge: JudgeIdentity | None = None) -> KeptRun:
    """Return a run of `new` on a and b."""
    records = [record("a", "new", "missed"), record("b", "new"), *more]
    return keep(folder / "new.jsonl", records, head(["new"], planned={"new": 2}, judge=judge))


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    """The old run's incumbent and the new run's model are paired by case, with both answers."""
    joined = compare_runs(old_run(tmp_path), new_run(tmp_path))
    (comparison,) = joined.summary.comparisons
    assert (comparison.incumbent, comparison.candidate) == ("old", "new")
    assert [flip.case_id for flip in comparison.broke] == [f"{FILE}::a"]
    assert comparison.broke[0].incumbent.answer == "old says passed"
    assert comparison.broke[0].candidate.answer == "new says missed"
    assert [flip.case_id for flip in comparison.fixed] == [f"{FILE}::b"]
    assert len(list(joined.records())) == 4


def test_the_same_model_twice(tmp_path: Path) -> None:
    """A model is compared with itself of another day; the names tell the days apart."""
    again = keep(tmp_path / "again.jsonl", [record("a", "old", "missed"), record("b", "old")], head(["old"]))
    joined = compare_runs(old_run(tmp_path), again)
    assert [model.name for model in joined.summary.models] == ["old (old)", "old"]
    assert joined.summary.comparisons[0].broke[0].incumbent.model == "old (old)"


def test_models_can_be_chosen(tmp_path: Path) -> None:
    """Of runs with several models, the incumbent and the candidates can be named."""
    records = [record("a", name) for name in ("old", "new", "third")]
    run = keep(tmp_path / "run.jsonl", records, head(["old", "new", "third"]))
    names = [model.name for model in compare_runs(run, run).summary.models]
    assert names == ["old", "new", "third"]
    chosen = compare_runs(run, run, incumbent="new", candidates=["third"])
    assert [model.name for model in chosen.summary.models] == ["new", "third"]
    with pytest.raises(UsageError, match=r"run.jsonl: no model 'thrid' in it. Did you mean 'third'\?"):
        compare_runs(run, run, candidates=["thrid"])


def test_planned_items_stay_in_the_denominator(tmp_path: Path) -> None:
    """What a killed run had planned and not done is shown as not run."""
    killed = keep(
        tmp_path / "k.jsonl", [record("a", "new"), record("b", "new")], head(["new"]), End(planned={"new": 5})
    )
    assert compare_runs(old_run(tmp_path), killed).summary.models[1].tally.not_run == 3


def test_common_cases_of_a_killed_run(tmp_path: Path) -> None:
    """With `common`, what the new run planned and did not do stays unpaired, as far as the old run has such cases."""
    old = old_run(tmp_path, *(record(case, "old") for case in "cdef"))
    killed = replace(new_run(tmp_path), end=None)
    for planned, not_run in ((2, 0), (5, 3), (50, 4)):
        part = replace(killed, head=replace(killed.head, planned={"new": planned}))
        summary = compare_runs(old, part, common=True).summary
        assert (summary.models[1].tally.not_run, summary.comparisons[0].unpaired) == (not_run, not_run)
        assert summary.exit_reason == "killed"
    whole = compare_runs(old, new_run(tmp_path), common=True).summary
    assert (whole.models[1].tally.not_run, whole.exit_reason) == (0, "finished")


def refusal(old: KeptRun, new: KeptRun, *, common: bool = False) -> str:
    """Return why two runs are not compared."""
    with pytest.raises(Incomparable) as caught:
        compare_runs(old, new, common=common)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "gpt-5"}, "another judge: gpt-4o then, gpt-5 now"),
        ({"prompt_sha256": "x"}, "another judge prompt"),
        ({"params_sha256": "x"}, "the judge's address or parameters are others"),
        ({"votes": 3}, "votes = 1, structured = true then, votes = 3, structured = true now"),
    ],
)
def test_another_judge(tmp_path: Path, change: dict[str, object], words: str) -> None:
    """Runs whose verdicts come of different judges are refused, with what differs."""
    other = replace(JUDGE, **change)  # type: ignore[arg-type]
    old = old_run(tmp_path, record("j", "old", judgements=(ASKED,)), judge=JUDGE)
    assert words in refusal(old, new_run(tmp_path, record("j", "new", judgements=(ASKED,)), judge=other))


def test_a_judge_that_judged_nothing_matters_not(tmp_path: Path) -> None:
    """A judge model that was declared and never asked is no reason against a comparison."""
    other = replace(JUDGE, model="gpt-5")
    assert compare_runs(old_run(tmp_path, judge=JUDGE), new_run(tmp_path, judge=other)).summary.comparisons


def test_a_changed_case(tmp_path: Path) -> None:
    """A case that asks or wants something else is a reason against, with or without --common."""
    old = old_run(tmp_path, record("c", "old"))
    new = new_run(tmp_path, record("c", "new", case_sha256="another"))
    for common in (False, True):
        assert f"1 case asks or wants something else now: {FILE}::c" in refusal(old, new, common=common)


def test_cases_of_one_run_alone(tmp_path: Path) -> None:
    """Cases of one run alone are a reason against, unless the user wants the common ones."""
    old, new = old_run(tmp_path, record("gone", "old")), new_run(tmp_path, record("novel", "new"))
    words = refusal(old, new)
    assert f"1 case only in old.jsonl: {FILE}::gone; --common compares" in words
    assert f"1 case only in new.jsonl: {FILE}::novel" in words
    joined = compare_runs(old, new, common=True)
    assert joined.summary.comparisons[0].paired == 2
    assert [model.tally.planned for model in joined.summary.models] == [2, 2]


def test_nothing_in_common(tmp_path: Path) -> None:
    """Runs that share no case are refused as another suite."""
    other = keep(tmp_path / "o.jsonl", [record("z", "new")], head(["new"]))
    assert "another suite: they share no case" in refusal(old_run(tmp_path), other, common=True)


def test_a_shard_is_no_run(tmp_path: Path) -> None:
    """A part is not compared as if it were the whole."""
    shard = keep(tmp_path / "s.jsonl", [record("a", "new")], head(["new"], shard=Shard(number=1, count=2)))
    assert "s.jsonl is shard 1/2 of a run; join the shards first" in refusal(old_run(tmp_path), shard)


def test_costs_are_those_of_the_new_run(tmp_path: Path) -> None:
    """A comparison's calls are the new run's: the old ones were paid for long ago."""
    new = keep(
        tmp_path / "n.jsonl",
        [record("a", "new"), record("b", "new")],
        head(["new"]),
        End(live=2, spent_usd=Decimal(1)),
    )
    calls = compare_runs(old_run(tmp_path), new).summary.calls
    assert (calls.live, calls.spent_usd) == (2, Decimal(1))

"""The draw: the same whatever the order, every group in it, and weights that stand for the requests."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.logs import sampling
from pytest_llmupgrade.logs.building import Built, Tally, built, gathered
from pytest_llmupgrade.logs.drafting import Judging
from pytest_llmupgrade.logs.reading import How
from pytest_llmupgrade.logs.sampling import quotas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BY = ("category", "difficulty")


def row(question: str, **fields: Any) -> dict[str, Any]:
    """Return a record in the plain shape."""
    return {"messages": [{"role": "user", "content": question}], "assistant_response": "Yes.", **fields}


def some_rows(count: int) -> list[dict[str, Any]]:
    """Return records of four groups of different sizes, the lower numbers asked several times."""
    chance = random.Random(3)  # noqa: S311  test data
    words = [chance.randbytes(6).hex() for _ in range(500)]
    rows = []
    for _ in range(count):
        number = int(chance.expovariate(0.02))
        question = " ".join(words[(number * 7 + step * (number + 3)) % 500] for step in range(8))
        rows.append(
            row(f"{question} {number}", category="abcd"[min(3, number // 20)], user_rating=number % 6)
        )
    return rows


def write(folder: Path, name: str, rows: Sequence[object]) -> str:
    """Write records as lines and return the file's path."""
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return str(path)


def drawn(files: Sequence[str], sample: int | None = None, seed: int = 0, near: float = 1.0) -> Built:
    """Return what is made of logs."""
    pool = gathered(files, How(), Tally(), sample=sample, by=BY, seed=seed, min_rating=0)
    return built(pool, redactor=None, judges=Judging(), sample=sample, near=near, before=None)


def weights(made: Built) -> Counter[str]:
    """Return the sum of the weights by category."""
    total: Counter[str] = Counter()
    for draft in made.drafts:
        total[draft.fields["category"]] += draft.fields.get("weight", 1)
    return total


def test_the_order_changes_nothing(tmp_path: Path) -> None:
    """The same seed draws the same cases with the same weights from the same records in any order; another seed does not."""
    rows = some_rows(3000)
    files = [write(tmp_path, "a.jsonl", rows[:1500]), write(tmp_path, "b.jsonl", rows[1500:])]
    first = drawn(files, 20)
    again = drawn(files[::-1], 20)
    assert first.drafts == again.drafts
    assert {draft.id for draft in first.drafts} != {draft.id for draft in drawn(files, 20, seed=1).drafts}


@pytest.mark.parametrize("held", [20_000, 60])
def test_counts_are_exact_in_little_memory(
    tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where little may be held, weights sum up to the requests of each group, and a question's share is its count."""
    monkeypatch.setattr(sampling, "_MAX_HELD", held)
    rows = some_rows(4000)
    made = drawn([write(tmp_path, "a.jsonl", rows)], 12)
    requests = Counter(one["category"] for one in rows)
    asked = Counter(one["messages"][0]["content"] for one in rows)
    assert weights(made).keys() == requests.keys()
    assert all(abs(total - requests[name]) <= 2 for name, total in weights(made).items())
    assert len(made.drafts) == 12
    for name in requests:
        cases = [draft for draft in made.drafts if draft.fields["category"] == name]
        scale = {round(draft.fields.get("weight", 1) / asked[draft.fields["input"]], 1) for draft in cases}
        assert max(scale) - min(scale) < 0.2


def test_without_a_sample_every_question_is_a_case(tmp_path: Path) -> None:
    """Without --sample a case's weight is how often it was asked."""
    rows = some_rows(500)
    made = drawn([write(tmp_path, "a.jsonl", rows)])
    asked = Counter(one["messages"][0]["content"] for one in rows)
    assert {draft.fields["input"]: draft.fields.get("weight", 1) for draft in made.drafts} == asked


def test_the_draw_is_fair(tmp_path: Path) -> None:
    """Over many seeds every question of a group is drawn about as often as any other."""
    file = write(tmp_path, "a.jsonl", [row(f"question number {n}", category="x") for n in range(20)])
    hits: Counter[str] = Counter()
    for seed in range(200):
        hits.update(draft.id for draft in drawn([file], 5, seed=seed).drafts)
    assert len(hits) == 20
    assert sum(hits.values()) == 1000
    assert all(25 <= count <= 80 for count in hits.values())


@pytest.mark.parametrize(
    ("sample", "requests", "available", "wanted"),
    [
        (10, [90, 9, 1], [50, 9, 1], [8, 1, 1]),
        (3, [1000, 1, 1], [50, 1, 1], [1, 1, 1]),
        (100, [5, 5], [3, 2], [3, 2]),
        (10, [50, 50], [2, 50], [2, 8]),
    ],
)
def test_quotas(sample: int, requests: list[int], available: list[int], wanted: list[int]) -> None:
    """Each group gives at least one case, at most what it has, else by its requests."""
    assert quotas(sample, requests, available) == wanted


def test_the_best_rated_answer_is_kept(tmp_path: Path) -> None:
    """Of answers to the same question, white space and case aside, the best rated one is expected."""
    rows = [row("Hi  there", user_rating=3), {**row("hi THERE", user_rating=5), "assistant_response": "Best"}]
    made = drawn([write(tmp_path, "a.jsonl", rows)])
    assert [draft.fields["expected"] for draft in made.drafts] == ["Best"]
    assert made.drafts[0].fields["weight"] == 2


@pytest.mark.parametrize(
    ("other", "near"),
    [
        ("How long do I have to return my shoes?", 1),
        ("how long do i have to return shoes please", 1),
        ("How long do I have to return 3 shoes", 0),
        ("How long don't I have to return shoes", 0),
        ("Where do I send the bill?", 0),
    ],
)
def test_near_duplicates(tmp_path: Path, other: str, near: int) -> None:
    """A typo or a polite word more is a duplicate; another number or a negation is another question."""
    rows = [row("How long do I have to return shoes?"), row(other)]
    made = drawn([write(tmp_path, "a.jsonl", rows)], near=0.88)
    assert made.near == near
    assert sum(draft.fields.get("weight", 1) for draft in made.drafts) == 2


def test_conversations_stay_whole(tmp_path: Path) -> None:
    """The same last message after different ones is another question, and all messages are in the case."""
    histories = [
        [{"role": "user", "content": f"I am {name}"}, {"role": "assistant", "content": "Hi"}]
        for name in ("Ann", "Bob")
    ]
    rows = [
        {**row("x"), "messages": [*history, {"role": "user", "content": "And now?"}]} for history in histories
    ]
    made = drawn([write(tmp_path, "a.jsonl", rows)], near=0.9)
    assert [len(draft.fields["messages"]) for draft in made.drafts] == [3, 3]


def test_limits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many cases, too many groups and too small a sample are refused with what to do."""
    file = write(tmp_path, "a.jsonl", [row(f"number {n}", category=f"c{n}") for n in range(30)])
    with pytest.raises(UsageError, match="there are 30 groups; draw at least 30"):
        drawn([file], 5)
    monkeypatch.setattr(sampling, "_MAX_STRATA", 10)
    with pytest.raises(UsageError, match="--by makes more than 10 groups"):
        drawn([file], 5)
    monkeypatch.setattr(sampling, "_MAX_STRATA", 100)
    monkeypatch.setattr(sampling, "MAX_CASES", 10)
    with pytest.raises(UsageError, match=r"more than 10 cases.*--sample 200"):
        drawn([file])

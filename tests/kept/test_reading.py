from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.judges.identity import JudgeIdentity
from pytest_llmupgrade.kept.merging import write_merged
from pytest_llmupgrade.kept.reading import read_run
from pytest_llmupgrade.kept.wire import End, Shard, end_line, head_line, read_end, read_head
from pytest_llmupgrade.model import JudgeCall, Judgement, RecordedError, ToolCall, Usage
from pytest_llmupgrade.run.record import Journal
from tests.kept.making import head, keep, record

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_llmupgrade.model import Outcome

RECORDS = (
    record(
        "a", "old", cost_usd=Decimal("0.00012"), usage=Usage(input_tokens=3, output_tokens=1), latency_ms=1.5
    ),
    record("b", "old", "errored", error=RecordedError(kind="timeout", message="120 s"), answer=None),
    record("a", "new", "missed", answer='\x1b[31m"\n\u2028', tool_calls=(ToolCall(name="f", arguments="{"),)),
    record("b", "new", "skipped", reason="not today"),
)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    """Head, every record and the end are read back as they were."""
    judge = JudgeIdentity(model="j", prompt_sha256="1", params_sha256="2", votes=3)
    written = head(judge=judge, shard=Shard(number=2, count=4), planned={"old": 2, "new": 2})
    end = End(exit_reason="interrupted", planned={"old": 2, "new": 3}, live=4, spent_usd=Decimal("0.1"))
    run = keep(tmp_path / "run.jsonl", RECORDS, written, end)
    assert run.head == written
    assert run.end == end
    assert tuple(run.records()) == RECORDS
    assert [run.read(row) for row in run.rows.values()] == list(RECORDS)
    assert dict(run.planned) == {"old": 2, "new": 3}


def test_head_and_end_survive_json() -> None:
    """A head's line and an end's line read as what they were made of."""
    assert read_head(json.loads(head_line(head()))) == head()
    end = End(live=1, spent_usd=Decimal("1.5"))
    assert read_end(json.loads(end_line(end))["end"]) == end


@pytest.mark.parametrize(
    ("attempts", "counts"),
    [
        (("missed", "passed"), "missed"),
        (("passed", "missed"), "passed"),
        (("errored", "missed", "passed"), "missed"),
        (("missed", "errored"), "missed"),
        (("errored", "errored"), "errored"),
        (("errored", "skipped"), "skipped"),
    ],
)
def test_the_first_judged_attempt_counts(tmp_path: Path, attempts: tuple[Outcome, ...], counts: str) -> None:
    """A rerun's record takes the place only of one that was not judged; read back or merged, the run says the same."""
    records = [
        record("a", "m", outcome, answer=f"answer {number}") for number, outcome in enumerate(attempts)
    ]
    journal = Journal()
    for one in records:
        journal.append(one)
    run = keep(tmp_path / "run.jsonl", records)
    with (tmp_path / "merged.jsonl").open("wb") as stream:
        write_merged([run], stream)
    merged = read_run(tmp_path / "merged.jsonl")
    for rows in (journal.rows, run.rows, merged.rows):
        (row,) = rows.values()
        assert (row.outcome, len(row.others)) == (counts, len(attempts) - 1)
    answers = {next(iter(kept.records())).answer for kept in (journal, run, merged)}
    journal.close()
    assert answers == {f"answer {attempts.index(counts) if counts != 'errored' else len(attempts) - 1}"}


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_cut_last_line_is_passed_over(tmp_path: Path, cut: int) -> None:
    """A run killed in the middle of a line keeps all lines before it."""
    path = tmp_path / "run.jsonl"
    whole = keep(path, RECORDS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][:-cut])
    run = read_run(path)
    assert run.end is None
    assert list(run.rows) == list(whole.rows)[:-1]
    assert dict(run.planned) == whole.head.planned


def test_whether_the_judge_was_asked(tmp_path: Path) -> None:
    """A run knows whether a model judged in it."""
    judged = Judgement(judge="llm_judge", passed=True, calls=(JudgeCall(model="j", usage=None),))
    assert not keep(tmp_path / "1", RECORDS).judge_asked
    assert keep(tmp_path / "2", [record("a", "m", judgements=(judged,))]).judge_asked


def test_keys_of_a_newer_version_are_passed_over(tmp_path: Path) -> None:
    """A record with a key that this version does not know is read."""
    path = tmp_path / "run.jsonl"
    keep(path, RECORDS[:1])
    path.write_bytes(path.read_bytes().replace(b'"case_id"', b'"novel":1,"case_id"'))
    assert len(read_run(path).rows) == 1


HOSTILE = {
    "empty": (b"", "{path}: empty: no kept run; give a file that pytest wrote"),
    "binary": (b"\x00\xff\n", "{path}:1: no kept run"),
    "no newline": (b'{"schema": "llmupgrade-run/1"', "{path}:1: no kept run"),
    "a report": (b'{"schema": "llmupgrade-report/1"}\n', "{path}:1: no kept run"),
    "newer": (
        b'{"schema": "llmupgrade-run/2"}\n',
        "{path}:1: schema 'llmupgrade-run/2' is not read, 'llmupgrade-run/1' is; upgrade",
    ),
    "no models": (head_line(head([])), "{path}:1: no kept run"),
    "a list": (b"[1]\n", "{path}:1: no kept run"),
    "nested": (b"[" * 100_000 + b"\n", "{path}:1: no kept run"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_run(tmp_path: Path, name: str) -> None:
    """A file that is no run is one line that names it."""
    data, message = HOSTILE[name]
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    with pytest.raises(FaultyFiles) as caught:
        read_run(path)
    assert str(caught.value).startswith(message.format(path=path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "no record of a run: Expecting property name"),
        (b'{"case_id": 1}', "case_id: input should be a valid string"),
        (b'{"end": {"planned": {"a": "b"}}}', "planned.a: input should be a valid integer"),
        (b'{"weight": NaN}', "no record of a run: Out of range float"),
        (b'{"\x1b[2J": 1}', "no record of a run: "),
        (b"1" * 5000, "no record of a run: Exceeds the limit"),
    ],
)
def test_a_broken_line(tmp_path: Path, line: bytes, why: str) -> None:
    """A line that is no record is named with its number and why."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(head_line(head()) + line + b"\n")
    with pytest.raises(FaultyFiles) as caught:
        read_run(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert why in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "great"},
        {"weight": -1.0},
        {"cost_usd": "NaN"},
        {"cost_usd": "-1"},
        {"latency_ms": 1e999},
        {"usage": {"input_tokens": -1, "output_tokens": 0}},
        {"judgements": [{"judge": "x"}]},
    ],
)
def test_impossible_values(tmp_path: Path, wrong: dict[str, object]) -> None:
    """Values that no run can have written are refused, never counted."""
    path = tmp_path / "run.jsonl"
    keep(path, RECORDS[:1])
    first, second, _ = path.read_bytes().splitlines()
    path.write_bytes(first + b"\n" + json.dumps({**json.loads(second), **wrong}).encode() + b"\n")
    with pytest.raises(FaultyFiles, match=":2: no record of a run: "):
        read_run(path)


def test_faults_end_somewhere(tmp_path: Path) -> None:
    """A file of nothing but faults is told of in ten lines."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(head_line(head()) + b"x\n" * 1000)
    with pytest.raises(FaultyFiles) as caught:
        read_run(path)
    assert len(caught.value.faults) == 10

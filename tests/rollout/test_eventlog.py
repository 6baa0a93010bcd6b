from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.rollout import eventlog
from pytest_llmupgrade.rollout.buckets import arm_of, call_id, unit_hash
from pytest_llmupgrade.rollout.config import Fsync, Rollout, Sink
from pytest_llmupgrade.rollout.eventlog import EventLog
from pytest_llmupgrade.rollout.events import CallEnd, Decision, rating_event
from pytest_llmupgrade.rollout.reading import Found, read_folder, recount
from pytest_llmupgrade.rollout.rollups import Key
from tests.rollout.making import rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PLAN = rollout()
USAGE = {"prompt_tokens": 100, "completion_tokens": 20}


def _decision(unit: str, plan: Rollout = PLAN, step: float = 5.0) -> Decision:
    number = unit_hash(plan.id, unit)
    arm = arm_of(number, step)
    return Decision(arm, call_id(arm, step, number, "1"), number, step, "live", plan)


def _end(unit: str = "u", **fields: Any) -> CallEnd:
    base: dict[str, Any] = {"decision": _decision(unit), "at_ms": 1000, "latency_ms": 10.0, "served": "old"}
    return CallEnd(**{**base, **fields})


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """Return a log in a folder of its own."""
    log = EventLog(tmp_path, Sink(path="."))
    yield log
    log.close()


def _events(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("events-*"))
        for line in path.read_bytes().splitlines()
    ]


def _the_same(one: Found, other: Found) -> bool:
    assert one.counts.keys() == other.counts.keys()
    for key, counts in one.counts.items():
        twin = other.counts[key]
        for name, moments in counts.moments.items():
            assert moments.total == pytest.approx(twin.moments[name].total)
        assert (counts.requests, counts.units, counts.failed, counts.latency) == (
            twin.requests,
            twin.units,
            twin.failed,
            twin.latency,
        )
    return True


def test_a_call_leaves_a_line(log: EventLog, tmp_path: Path) -> None:
    """A request is one line: arms, times, tokens, cost, what went wrong; neither prompt nor answer."""
    log.put(_end(usage=USAGE, failure="timeout", latency_ms=3000.0))
    assert log.flush()
    (event,) = _events(tmp_path)
    assert event["tokens"] == [100, 0, 20]
    assert float(event["cost_usd"]) == pytest.approx((100 * 0.5 + 20 * 1.5) / 1e6)
    assert event["hits"] == ["error", "slow"]
    assert (event["arm"], event["served"], event["error"], event["step"]) == ("old", "old", "timeout", 5.0)
    assert set(event) == {
        "seq", "v", "type", "t", "rollout", "mode", "step", "call", "unit", "arm", "served", "model", "ms", "tries",
        "tokens", "cost_usd", "error", "hits",
    }  # fmt: skip


def test_counts_are_there_before_and_after_the_rollup(log: EventLog, tmp_path: Path) -> None:
    """Reading gives the same counts from events alone, from rollups alone, and from both."""
    for number in range(50):
        log.put(_end(f"u{number % 10}", failure="5xx" if number % 10 == 3 else None, usage=USAGE))
    log.flush()
    before = read_folder(tmp_path)
    log.flush(rollups=True)
    after = read_folder(tmp_path)
    log.put(_end("u3", failure="5xx"))
    log.flush()
    mixed = read_folder(tmp_path)
    assert _the_same(before, after)
    assert _the_same(mixed, recount(tmp_path))
    total = sum(counts.requests for counts in mixed.counts.values())
    assert total == 51
    assert sum(counts.first_failures("error") for counts in mixed.counts.values()) == 1


def test_a_cut_rollup_is_counted_from_its_events(log: EventLog, tmp_path: Path) -> None:
    """A kill in the middle of writing rollups loses nothing: the rows left are passed over as a whole."""
    for number in range(200):
        log.put(_end(f"u{number}"))
    log.flush(rollups=True)
    whole = read_folder(tmp_path)
    (path,) = tmp_path.glob("rollups-*")
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 2
    path.write_bytes(lines[0] + lines[1][:50])
    assert _the_same(read_folder(tmp_path), whole)


def test_a_torn_event_is_counted_as_torn(log: EventLog, tmp_path: Path) -> None:
    """A line that is none is neither counted nor an error; one still being written is waited for."""
    log.put(_end())
    log.flush()
    (path,) = tmp_path.glob("events-*")
    with path.open("ab") as file:
        file.write(b'{"seq":1,"type":"ca\n[]\n{"seq":2}\n{"seq":9,"un')
    found = read_folder(tmp_path)
    assert (sum(counts.requests for counts in found.counts.values()), found.torn) == (1, 3)


def test_files_rotate_and_old_ones_go(tmp_path: Path) -> None:
    """A full file is followed by the next; of those counted in rollups, `keep` remain and no figure is lost."""
    log = EventLog(tmp_path, Sink(path=".", rotate_bytes=2000, keep=2))
    for number in range(60):
        log.put(_end(f"u{number}"))
        log.flush()
    log.close()
    names = sorted(path.name[-11:] for path in tmp_path.glob("events-*"))
    assert len(names) in (1, 2)  # the last one may be full, and the next not begun
    assert names[0] > "00004.jsonl"
    assert sum(counts.requests for counts in read_folder(tmp_path).counts.values()) == 60


def _full(real: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    """Return an `os.write` of a disk that takes twenty bytes and no more."""

    def write(handle: int, data: bytes) -> int:
        if len(data) > 20:
            return real(handle, bytes(data)[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    return write


def test_a_full_disk_makes_records_wait(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the disk is full events wait, said once in the log; then they are written, with no torn line."""
    log.put(_end("a"))
    log.flush()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _full(os.write))
        log.put(_end("b"))
        assert not log.flush()
        assert not log.flush()
        assert log.fault == "OSError: [Errno 28] No space left on device"
    assert caplog.text.count("cannot be written") == 1
    log.put(_end("c"))
    assert log.flush()
    found = read_folder(tmp_path)
    assert (found.torn, found.lost, log.lost) == (0, 0, 0)
    assert sum(counts.requests for counts in found.counts.values()) == 3


def test_what_could_not_be_taken_back_is_lost_not_doubled(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where half a batch stays in the file it is not written again, and the file says how many are missing."""
    log.put(_end("a"))
    log.flush()

    def refuse(_handle: int, _size: int) -> None:
        raise OSError(errno.EPERM, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _full(os.write))
        patch.setattr(os, "ftruncate", refuse)
        log.put(_end("b"))
        assert not log.flush()
    log.put(_end("c"))
    assert log.flush()
    before = read_folder(tmp_path)
    log.flush(rollups=True)
    for found in (before, read_folder(tmp_path)):
        assert found.lost == 1
        assert sum(counts.requests for counts in found.counts.values()) == 2
    assert before.torn == 1


def test_a_minute_that_is_over_is_rolled_up(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer leaves rollups when the minute has turned, and not before."""
    now = log._minute
    monkeypatch.setattr(eventlog, "_minute", lambda: now)
    log.put(_end())
    log.turn()
    assert list(tmp_path.glob("rollups-*")) == []
    monkeypatch.setattr(eventlog, "_minute", lambda: now + 1)
    log.turn()
    (path,) = tmp_path.glob("rollups-*")
    assert len(path.read_bytes().splitlines()) == 1


@pytest.mark.parametrize(("policy", "batch", "minute"), [("never", 0, 0), ("minute", 0, 2), ("always", 1, 2)])
def test_the_fsync_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: Fsync, batch: int, minute: int
) -> None:
    """`never` leaves the disk to the system, `minute` asks it with the rollups, `always` with every batch, too."""
    synced: list[int] = []
    now = eventlog._minute()
    monkeypatch.setattr(eventlog, "_minute", lambda: now)
    monkeypatch.setattr(os, "fsync", synced.append)
    log = EventLog(tmp_path, Sink(path=".", fsync=policy))
    log.put(_end())
    log.flush()
    assert len(synced) == batch
    log.flush(rollups=True)
    assert len(synced) == batch + minute
    log.close()


def test_a_disk_that_cannot_sync_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that were written and could not be synced are said to be at risk, and not written again."""

    def refuse(_handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    log = EventLog(tmp_path, Sink(path=".", fsync="always"))
    log.put(_end())
    log.flush(rollups=True)
    log.flush(rollups=True)
    assert "Input/output error" in (log.fault or "")
    log.close()
    assert len(_events(tmp_path)) == 1
    (counts,) = read_folder(tmp_path).counts.values()
    assert counts.requests == 1


def test_too_many_waiting_are_lost(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: what comes while the queue is full is lost, and counted."""
    monkeypatch.setattr(eventlog, "MOST_WAITING", 0)
    log.put(_end())
    assert log.lost == 1


def test_a_folder_that_cannot_be_is_no_error(tmp_path: Path) -> None:
    """A sink that is a file costs the records only."""
    (tmp_path / "sink").write_text("")
    log = EventLog(tmp_path / "sink", Sink(path="sink"))
    log.put(_end())
    assert not log.flush()
    assert "NotADirectoryError" in (log.fault or "") or "FileExistsError" in (log.fault or "")
    log.close()


def test_an_event_that_cannot_be_said_is_lost_alone(log: EventLog, tmp_path: Path) -> None:
    """A client whose usage raises costs its own event, not its neighbours'."""

    class Hostile:
        def model_dump(self) -> object:
            raise RuntimeError("no")

    log.put(_end("a", usage=Hostile()))
    log.put(_end("b"))
    log.flush()
    assert [event["type"] for event in _events(tmp_path)] == ["call", "lost"]


def test_a_rating_counts_for_its_unit(log: EventLog, tmp_path: Path) -> None:
    """A bad rating is a first failure of the metric that comes from ratings; a good one only counts as rated."""
    log.put(rating_event(_decision("a"), good=False, at_ms=1))
    log.put(rating_event(_decision("a"), good=False, at_ms=2))
    log.put(rating_event(_decision("b"), good=True, at_ms=3))
    log.flush()
    counts = read_folder(tmp_path).counts
    key = Key(rollout=PLAN.id, mode="live", step=5.0, arm=_decision("a").arm)
    assert counts[key].first_failures("bad") == 1
    assert sum(len(each.rated) for each in counts.values()) == 2


def test_a_caller_who_left_is_nobodys_failure(log: EventLog, tmp_path: Path) -> None:
    """A request cancelled in good time is a request, and neither slow nor an error."""
    log.put(_end(cancelled=True, served=None, latency_ms=2400.0))
    log.flush()
    (counts,) = read_folder(tmp_path).counts.values()
    assert (counts.requests, dict(counts.failed), counts.unanswered, dict(counts.latency)) == (1, {}, 0, {})


def test_a_caller_who_waited_too_long_before_leaving_was_served_slowly(log: EventLog, tmp_path: Path) -> None:
    """A request cancelled past threshold_ms is slow, in its event, a recount and the rollups: an arm that hangs never passes."""
    log.put(_end(cancelled=True, served=None, latency_ms=2400.1))
    log.flush()
    (event,) = _events(tmp_path)
    assert event["hits"] == ["slow"]
    (counts,) = recount(tmp_path).counts.values()
    assert (counts.requests, counts.first_failures("slow"), dict(counts.latency)) == (1, 1, {})
    log.close()
    assert read_folder(tmp_path).counts == recount(tmp_path).counts


def test_a_failure_before_the_caller_left_counts(log: EventLog, tmp_path: Path) -> None:
    """Whoever gives up during the fallback still met the new arm's failure."""
    log.put(_end(cancelled=True, served=None, failure="timeout", latency_ms=100.0))
    log.flush()
    (counts,) = read_folder(tmp_path).counts.values()
    assert (counts.first_failures("error"), dict(counts.errors), counts.unanswered) == (1, {"timeout": 1}, 0)


def test_a_child_writes_its_own_file(log: EventLog) -> None:
    """After a fork the child has another name, an empty queue and its own files."""
    log.put(_end())
    parent = log.process
    log.flush()
    log.after_fork()
    assert log.process != parent
    assert log.flush()


@pytest.mark.parametrize(
    "change",
    [
        {"ms": float("inf")},
        {"ms": "10"},
        {"hits": 5},
        {"hits": [["error"]]},
        {"error": {}},
        {"tokens": [1, 2]},
        {"cost_usd": "NaN"},
        {"unit": "zz"},
        {"arm": "third"},
        {"step": None},
        {"type": "nothing"},
        {"rollout": 7},
    ],
)
def test_a_foreign_line_is_counted_as_torn_alone(
    log: EventLog, tmp_path: Path, change: dict[str, object]
) -> None:
    """A line that is no event of ours is counted by no half, whatever it holds."""
    log.put(_end())
    log.flush()
    (path,) = tmp_path.glob("events-*")
    event = {**json.loads(path.read_bytes()), "seq": 1, **change}
    with path.open("a") as file:
        file.write(json.dumps(event, separators=(",", ":")) + "\n")
    found = read_folder(tmp_path)
    assert found.torn == 1
    (counts,) = found.counts.values()
    assert (counts.requests, counts.moments["latency_ms"].count) == (1, 1)

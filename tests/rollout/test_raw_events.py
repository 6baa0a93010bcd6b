"""Raw events counted by DuckDB, against the reader that counts them one by one."""

from __future__ import annotations

import random
import re
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import fsspec
import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.events import to_line
from pytest_llmupgrade.rollout.gate import evaluate
from pytest_llmupgrade.rollout.raw_events import read_events
from pytest_llmupgrade.rollout.reading import Found, recount
from pytest_llmupgrade.rollout.rollups import Counts, HowMany
from tests.rollout.making import rollout

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parents[2] / "docs" / "rollout-hosts.md"
ID = "gpt-4o-2026-11"
ODD = (
    b'{"seq":11,"v":99,"type":"call","t":1,"rollout":"x","mode":"live","step":5.0,"unit":"0a","arm":"new","served":"new","ms":1}',
    b'{"seq":12,"v":99,"type":"lost","t":1,"count":7}',
    b'{"seq":1,"type":"call","t":17',  # cut by a kill
    b"[1]",
    b"\xff\xfe",
    b'{"seq":2,"type":"unheard of","t":1}',
    b'{"seq":3,"type":"call","t":1,"rollout":"x","mode":"live","step":5.0,"unit":"00","arm":"new","served":"new","ms":-1}',
    b'{"seq":4,"type":"call","t":1,"rollout":"x","mode":"live","step":5.0,"unit":"00","arm":"both","served":"new","ms":1}',
    b'{"seq":5,"type":"call","t":1,"rollout":"x","mode":"live","step":5.0,"unit":"zz","arm":"new","served":"new","ms":1}',
    b'{"seq":9,"type":"call","t":9007199254740992,"rollout":"x","mode":"live","step":5.0,"unit":"0a","arm":"new","served":"new","ms":1}',
    b'{"seq":10,"type":"lost","t":1,"count":-1}',
    b'{"seq":6,"type":"call","t":1,"rollout":"x","mode":"live","step":5.0,"unit":"0a","arm":"new","served":"new","ms":1,"hits":"error"}',
    b'{"seq":7,"type":"call","t":1,"rollout":"x","mode":"live","step":5.0,"unit":"0a","arm":"new","served":"new","ms":1,"tokens":[1]}',
    b'{"seq":8,"type":"call","t":1,"rollout":"x","mode":"live","step":5.0,"unit":"0a","arm":"new","served":"new","ms":1,"cost_usd":"free"}',
)


def _event(rng: random.Random) -> dict[str, Any]:
    """Return an event of one of two rollouts, now and then a strange one."""
    arm = rng.choice(["old", "new"])
    key = {
        "rollout": rng.choice([ID, ID, "an 'other'"]),
        "mode": rng.choice(["live", "live", "live", "shadow"]),
        "step": rng.choice([0.0, 5.0, 12.5]),
        "unit": f"{rng.choice([rng.getrandbits(64), rng.randrange(40)]):016x}",
        "arm": arm,
    }
    if rng.random() < 0.25:
        good = rng.random() < 0.8
        return {"type": "rating", "t": 1, **key, "good": good, "hits": [] if good else ["bad"]}
    event = {
        "type": "shadow" if key["mode"] == "shadow" and arm == "new" else "call",
        "t": 1_800_000_000_000 + rng.randrange(10**9),
        **key,
        "served": rng.choice([arm, arm, "old", None]),
        "ms": rng.choice([0.0, 1.0, 2.0, 1024.0, round(rng.lognormvariate(6, 1), 3)]),
        "tries": 1,
    }
    failed = rng.random() < 0.2
    optional = {
        "first_token_ms": round(rng.random() * 100, 3),
        "tokens": [rng.randrange(5000), 0, rng.randrange(500)],
        "cost_usd": f"{rng.random() / 1000:.6f}",
        "cancelled": True,
    }
    event |= {
        name: value for name, value in optional.items() if rng.random() < (0.1 if value is True else 0.7)
    }
    if failed:
        event |= {
            "error": rng.choice(["timeout", "5xx", "odd 'kind'"]),
            "hits": ["error", "slow"][: rng.choice([1, 2])],
        }
    return event


def _written(folder: Path, *, seed: int, events: int = 2_000, odd: Sequence[bytes] = ODD) -> None:
    """Write two processes' files of events, and what is none between them."""
    rng = random.Random(seed)  # noqa: S311  seeded data
    for process in ("a-1", "b-2"):
        lines = [to_line({"v": 1, **_event(rng)}, number) for number in range(events)]
        lines += [line + b"\n" for line in odd]
        lines.append(to_line({"v": 1, "type": "lost", "t": 1, "count": 3}, events))
        rng.shuffle(lines)
        (folder / f"events-{process}-00001.jsonl").write_bytes(b"".join(lines))


def _packed(folder: Path) -> str:
    """Make Parquet of the events by the statement of the user's page; return its name."""
    (statement,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for shown, ours in (("pilot/events-*.jsonl", "events-*.jsonl"), ("events.parquet", "events.parquet")):
        assert f"'{shown}'" in statement
        statement = statement.replace(f"'{shown}'", f"'{folder / ours}'")
    duckdb.sql(statement)
    return str(folder / "events.parquet")


def _plain(counts: Counts) -> dict[str, Any]:
    """Return counts with sets as their sizes, which is what the gate reads."""
    plain = {field.name: getattr(counts, field.name) for field in fields(counts) if field.name != "moments"}
    failed = {name: len(units) for name, units in counts.failed.items()}
    return plain | {"units": len(counts.units), "rated": len(counts.rated), "failed": failed}


def _sums(counts: Counts) -> dict[str, float]:
    """Return what is added up in another order, and so differs in the last digits."""
    return {
        f"{name} {part}": value
        for name, each in counts.moments.items()
        for part, value in (("count", each.count), ("total", each.total), ("squares", each.squares))
    }


def _same(found: Found, wanted: Found) -> None:
    assert found.counts.keys() == wanted.counts.keys()
    for key, counts in wanted.counts.items():
        assert _plain(found.counts[key]) == _plain(counts)
        assert _sums(found.counts[key]) == pytest.approx(_sums(counts), rel=1e-12)
    assert (found.torn, found.lost) == (wanted.torn, wanted.lost)


@pytest.mark.parametrize("seed", range(2))
def test_json_lines_are_counted_alike(tmp_path: Path, seed: int) -> None:
    """DuckDB's counts of JSON lines equal the line by line reader's, cut and foreign lines included, for every step and arm."""
    _written(tmp_path, seed=seed)
    found, wanted = read_events([str(tmp_path / "events-*.jsonl")]), recount(tmp_path)
    _same(found, wanted)
    assert len(wanted.counts) > 12


def test_events_of_a_newer_version_are_left_out(tmp_path: Path) -> None:
    """What a later version writes may mean something else: it is told as unreadable and counted by neither reader."""
    lines = [to_line({"v": version, **_event(random.Random(3))}, version) for version in (1, 2, 99)]  # noqa: S311  seeded
    lines.append(to_line({"v": 2, "type": "lost", "t": 1, "count": 5}, 100))
    (tmp_path / "events-a-1-00001.jsonl").write_bytes(b"".join(lines))
    wanted = recount(tmp_path)
    assert (sum(each.requests for each in wanted.counts.values()), wanted.torn, wanted.lost) == (1, 3, 0)
    _same(read_events([str(tmp_path / "*.jsonl")]), wanted)


def test_parquet_is_counted_alike(tmp_path: Path) -> None:
    """So are the same events as Parquet, made by the statement of the user's page."""
    _written(tmp_path, seed=5, odd=ODD[:-3])  # a column has one type, so what is no list is not there
    wanted = recount(tmp_path)
    found = read_events([_packed(tmp_path), str(tmp_path / "*.parquet")])  # found twice, counted once
    _same(found, wanted)


def test_days_of_both_kinds_are_one(tmp_path: Path) -> None:
    """Parquet and JSON lines are counted together: a unit that is in both is one unit."""
    (tmp_path / "a").mkdir()
    _written(tmp_path / "a", seed=6, odd=())
    _written(tmp_path, seed=7)
    found = read_events([_packed(tmp_path / "a"), str(tmp_path / "events-*.jsonl")], rollout=ID)
    for path in (tmp_path / "a").glob("*.jsonl"):
        path.rename(tmp_path / f"{path.stem}2.jsonl")
    wanted = recount(tmp_path)
    ours = {key: counts for key, counts in wanted.counts.items() if key.rollout == ID}
    _same(replace(found, torn=0), replace(wanted, counts=ours, torn=0))


def test_the_gate_reads_them_alike(tmp_path: Path) -> None:
    """The gate finds the same in both readers' counts, to the word."""
    _written(tmp_path, seed=8)
    now = 1_800_001_000_000
    one, other = (
        evaluate(rollout(), found.counts, now_ms=now)
        for found in (read_events([str(tmp_path / "*.jsonl")]), recount(tmp_path))
    )
    assert [(check.name, check.finding, check.words) for check in one.checks] == [
        (check.name, check.finding, check.words) for check in other.checks
    ]


def test_units_that_were_only_counted_join_no_others() -> None:
    """Sets whose members are not known cannot be united, so no unit is ever counted twice."""
    with pytest.raises(TypeError, match="counted, not kept"):
        _ = Counts(units=HowMany(3)) + Counts(units=frozenset({1}))


def test_events_behind_a_url(tmp_path: Path) -> None:
    """DuckDB reads through fsspec what stands behind a URL."""
    _written(tmp_path, seed=9, events=50)
    memory = fsspec.filesystem("memory")
    for path in tmp_path.glob("*.jsonl"):
        memory.pipe_file(f"/lake/{path.name}", path.read_bytes())
    _same(read_events(["memory://lake/*.jsonl"]), recount(tmp_path))
    memory.rm("/lake", recursive=True)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["events.csv"], "events.csv: events are read from .parquet or .jsonl files"),
        (["none/*.jsonl"], "none/\\*.jsonl: there are no such events"),
        (["it's.parquet"], "it's.parquet: there are no such events"),
        (["bare.parquet"], "bare.parquet: the events lack t, rollout, mode, step, unit, arm, served, ms"),
        (["torn.parquet"], "torn.parquet: the events cannot be read"),
        (["unheard://key:secret@of/x.parquet"], "^unheard://of/x.parquet: Protocol not known"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], words: str
) -> None:
    """A missing, foreign or broken file is one line with its name."""
    monkeypatch.chdir(tmp_path)
    duckdb.sql("COPY (SELECT 'call' AS type) TO 'bare.parquet'")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=words) as told:
        read_events(files)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_without_the_extra_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without DuckDB the message says what to install."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError, match=r"pip install 'pytest-llmupgrade\[duckdb\]'"):
        read_events(["events.parquet"])


def test_a_file_named_like_a_glob_is_counted_once(tmp_path: Path) -> None:
    """A name with `*`, `?` or a bracket in it finds no other file a second time, and a quote ends no text of SQL."""
    line = (
        '{"seq":1,"type":"call","t":1,"rollout":"x","mode":"live","step":5.0,"unit":"0a","arm":"new",'
        '"served":"new","ms":1}\n'
    )
    names = ("s*r.jsonl", "star.jsonl", "x[1].jsonl", "x1.jsonl", "it's.jsonl")
    for name in names:
        (tmp_path / name).write_text(line, encoding="utf-8")
    (counts,) = read_events([f"{tmp_path}/*.jsonl"]).counts.values()
    assert counts.requests == len(names)

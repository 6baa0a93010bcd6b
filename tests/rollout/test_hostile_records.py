"""Records that no router wrote: broken disks, other versions, somebody's malice."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.observing import look
from pytest_llmupgrade.rollout.page import Page
from pytest_llmupgrade.rollout.rollups import Rollup, to_line
from pytest_llmupgrade.rollout.status_json import status_plain
from pytest_llmupgrade.rollout.status_lines import status_lines
from tests.rollout.counting import NOW_MS, equal
from tests.rollout.sinks import write_rollout

if TYPE_CHECKING:
    from pathlib import Path

CALL: dict[str, Any] = {
    "seq": 0,
    "v": 1,
    "type": "call",
    "t": NOW_MS - 1000,
    "rollout": "gpt-4o-2026-11",
    "mode": "live",
    "step": 5.0,
    "call": "n5-0000000000000001-0000a1",
    "unit": "0000000000000001",
    "arm": "new",
    "served": "new",
    "model": "gpt-4o",
    "ms": 812.5,
    "tries": 1,
    "tokens": [212, 0, 58],
    "cost_usd": "0.000193",
    "error": "timeout",
    "hits": ["error", "slow"],
}
RATING = {
    **{key: CALL[key] for key in ("seq", "v", "t", "rollout", "mode", "step", "call", "unit", "arm")},
    "type": "rating",
    "good": False,
    "hits": ["bad"],
}
LOST = {"seq": 0, "v": 1, "type": "lost", "t": NOW_MS, "count": 3}
KEY, COUNTS = next(iter(equal(200).items()))
ROLLUP = json.loads(
    to_line(Rollup(process="host-1-a", minute=29_900_000, through=-1, rows=1, key=KEY, counts=COUNTS))
)
STATE = {
    "at": "2026-11-25T10:00:00+00:00",
    "rollout": "gpt-4o-2026-11",
    "state": "rolled_back",
    "step": 5.0,
    "why": "error",
}
ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(
            [-1, 10**30, 10**400, 1.7e308, 5e-324, "\x1b[2J", "\ud800", "nan", "1e999", "f" * 999]
        ),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def changed_in(plain: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """Return a record of which some values are anything, or gone."""
    keys = data.draw(st.sets(st.sampled_from(sorted(plain)), min_size=1, max_size=3))
    changes = {key: data.draw(ANYTHING, label=key) for key in keys}
    gone = data.draw(st.sets(st.sampled_from(sorted(plain)), max_size=1))
    return {key: value for key, value in {**plain, **changes}.items() if key not in gone}


def line(plain: dict[str, Any]) -> str:
    """Return a record as its writer forms it."""
    return json.dumps(plain, separators=(",", ":"))


def shown(path: Path) -> None:
    """Show a rollout both ways; what comes out is text without control characters, and valid JSON."""
    seen = look(path, now_ms=NOW_MS)
    text = "".join(status_lines(seen, Page(width=80, colour=False)))
    assert text.isprintable()
    json.dumps(status_plain(seen), allow_nan=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a rollout's file, beside an empty sink."""
    (tmp_path / "pilot").mkdir()
    return write_rollout(tmp_path)


SETTINGS = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SETTINGS
@given(st.data())
def test_events(path: Path, data: st.DataObject) -> None:
    """No line among the events makes a look fail: it is counted, or counted as no record."""
    event = changed_in(data.draw(st.sampled_from([CALL, RATING, LOST])), data)
    number = event.pop("seq", 0)
    lines = [line({"seq": number, **event}), line({**CALL, "seq": 1})]
    (path.parent / "pilot" / "events-host-1-a-00001.jsonl").write_text("\n".join([*lines, ""]))
    shown(path)
    assert sum(counts.requests for counts in look(path, now_ms=NOW_MS).found.counts.values()) >= 1


@SETTINGS
@given(st.data())
def test_shadow_events(tmp_path: Path, data: st.DataObject) -> None:
    """Nor does any line among a shadow's pairs."""
    path = write_rollout(tmp_path, ("mode: live", "mode: shadow"), ("percent: 5\n", "percent: 0\n"))
    old = {**CALL, "mode": "shadow", "step": 0.0, "arm": "old"}
    new = {**old, "type": "shadow", "arm": "new"}
    lines = [line(changed_in(each, data)) for each in (old, new)] + [line(old), line(new)]
    (tmp_path / "pilot").mkdir(exist_ok=True)
    (tmp_path / "pilot" / "events-host-1-a-00001.jsonl").write_text("\n".join([*lines, ""]))
    shown(path)


@SETTINGS
@given(st.data())
def test_rollups(path: Path, data: st.DataObject) -> None:
    """No line among the rollups makes a look fail."""
    (path.parent / "pilot" / "rollups-host-1-a.jsonl").write_text(
        f"{json.dumps(changed_in(ROLLUP, data))}\n{json.dumps(ROLLUP)}\n"
    )
    shown(path)


@SETTINGS
@given(st.data())
def test_state(path: Path, data: st.DataObject) -> None:
    """No state file makes a look fail but with the one error that users are told."""
    plain = changed_in({**STATE, "history": [changed_in(STATE, data)]}, data)
    (path.parent / "pilot" / "state.json").write_text(json.dumps(plain))
    with suppress(UsageError):
        shown(path)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\n", b"\0" * 99 + b"\n", b'{"seq":0,' * 9999 + b"\n", b"[" * 99_999 + b"\n"]
)
def test_bytes(path: Path, data: bytes) -> None:
    """Nor do bytes that are no text, or no JSON that ever ends."""
    for name in ("events-host-1-a-00001.jsonl", "rollups-host-1-a.jsonl"):
        (path.parent / "pilot" / name).write_bytes(data)
    shown(path)

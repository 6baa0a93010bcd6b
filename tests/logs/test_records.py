"""Records come out of every kind of stream, and nothing that a file holds ends the reading."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.logs import opening
from pytest_llmupgrade.logs.building import Tally, gathered
from pytest_llmupgrade.logs.exchange import Exchange, Skip
from pytest_llmupgrade.logs.formats import FORMATS, expanded, recognised
from pytest_llmupgrade.logs.mapping import mapping
from pytest_llmupgrade.logs.opening import opened
from pytest_llmupgrade.logs.reading import How
from pytest_llmupgrade.logs.records import records
from tests.golden import DATA

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [{"n": number, "text": "snow ☃ \n" * 30} for number in range(200)]
SOURCES = sorted((DATA / "logs" / "sources").iterdir())


def read(data: bytes) -> list[tuple[int, Any]]:
    """Return lines and values of a stream."""
    return [(raw.line, raw.value) for raw in records(io.BytesIO(data))]


def values(data: bytes) -> list[Any]:
    """Return the values of a stream."""
    return [value for _line, value in read(data)]


@pytest.mark.parametrize("chunk", [7, 64, 1 << 20])
@pytest.mark.parametrize(
    "data",
    [
        json.dumps(ROWS).encode(),
        json.dumps(ROWS, indent=2, ensure_ascii=False).encode(),
        "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode(),
        "\r\n".join(json.dumps(row) for row in ROWS).encode() + b"\r\n\r\n",
        "\n".join(json.dumps(row, indent=1) for row in ROWS).encode(),
        b"\xef\xbb\xbf" + json.dumps(ROWS).encode(),
    ],
    ids=["array", "pretty", "lines", "crlf", "objects", "bom"],
)
def test_every_layout(data: bytes, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays, lines and objects one after the other give the same records, wherever the chunks are cut."""
    monkeypatch.setattr(opening, "CHUNK", chunk)
    assert values(data) == ROWS


def test_lines_are_told() -> None:
    """A record's line is where it begins."""
    assert [line for line, _value in read(b'{"a": 1}\n\n{"a": 2}\n')] == [1, 3]
    assert [line for line, _value in read(b'[\n  {"a":\n 1},\n  {"a": 2}\n]')] == [2, 4]


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b'{"a": 1}\n{"a": \n{"a": 3}\n', 2, "not valid JSON"),
        (b'{"a": 1}\n{"a": "\xff"}\n{"a": 3}\n', 2, "not UTF-8"),
        (b'[\n  {"a": 1},\n  {"a": x},\n  {"a": 3}\n]', 3, "not valid JSON"),
        (b'[\n  {"a": 1},\n  {"a": "\xff"},\n  {"a": 3}\n]', 3, "not UTF-8"),
        (b'{"a": 1}\n' + b"[" * 200_000 + b'\n{"a": 3}\n', 2, "not valid JSON"),
    ],
)
def test_a_broken_record_is_one(data: bytes, line: int, reason: str) -> None:
    """What cannot be read is told with its line, and the records around it are read."""
    found = read(data)
    assert [value for _line, value in found if not isinstance(value, Skip)] == [{"a": 1}, {"a": 3}]
    assert [(at, value.reason) for at, value in found if isinstance(value, Skip)] == [(line, reason)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_archives(pack: Any, tmp_path: Path) -> None:
    """Gzip and zstandard are known by their bytes, whatever the name; a cut one gives what is left and says so."""
    packed = pack("\n".join(json.dumps({**row, "x": row["n"] * 7919}) for row in ROWS).encode())
    for size, whole in ((len(packed), True), (len(packed) // 2, False)):
        path = tmp_path / "log"
        path.write_bytes(packed[:size])
        with opened(str(path)) as stream:
            found = [raw.value for raw in records(stream)]
        faults = [value.reason for value in found if isinstance(value, Skip)]
        assert (len(found) == len(ROWS)) is whole
        assert whole or found == [] or "cut short" in faults[0] or "not valid JSON" in faults[-1]


def test_utf16_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log in UTF-16 is refused in one line that says what to do."""
    path = tmp_path / "log.json"
    path.write_text("[]", encoding="utf-16")
    assert main(["cases", str(path), "-o", str(tmp_path / "eval_x.yaml")]) == 2
    assert capsys.readouterr().err.endswith("is UTF-16; save it as UTF-8\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
ROWS_OF_ALL = [
    row
    for path in SOURCES
    for raw in records(io.BytesIO(path.read_bytes()))
    if not isinstance(raw.value, Skip)
    for row in expanded(raw.value)
]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(one for key, item in inner for one in _paths(item, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


@given(st.data())
def test_mistyped_records_never_raise(data: st.DataObject) -> None:
    """Every format's record with anything in the place of anything is an Exchange or a reason."""
    row = data.draw(st.sampled_from(ROWS_OF_ALL))
    path = data.draw(st.sampled_from(_paths(row)))
    row = _with(row, path, data.draw(JSON))
    own = mapping(["messages=messages[0].x", "expected=response.choices[-1].text"])
    for one in expanded(row):
        kind = recognised(one)
        if kind is not None:
            assert isinstance(kind.read(one), Exchange | Skip)
        if isinstance(one, dict) and own:
            assert isinstance(own.read(one), Exchange | Skip)
            assert all(
                isinstance(kind.read(one), Exchange | Skip) for kind in FORMATS.values() if kind.fits(one)
            )


@given(st.data())
def test_damaged_files_never_raise(data: st.DataObject) -> None:
    """Every format's file, cut anywhere and with any bytes in it, gives records and reasons."""
    whole = data.draw(st.sampled_from(SOURCES)).read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    damaged = whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:]
    for raw in records(io.BytesIO(damaged)):
        for one in expanded(raw.value):
            kind = recognised(one)
            assert kind is None or isinstance(kind.read(one), Exchange | Skip)


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_add_up(tmp_path: Path, data: st.DataObject) -> None:
    """Of any damaged log, every record is answered, skipped or unreadable, and the first unreadable ones have a line and a reason."""
    whole = data.draw(st.sampled_from(SOURCES)).read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    damaged = whole[:at] + data.draw(st.binary(max_size=20)) + whole[data.draw(st.integers(at, len(whole))) :]
    path = tmp_path / "log"
    path.write_bytes(damaged)
    tally = Tally()
    with contextlib.suppress(UsageError):  # of a file that says it is UTF-16
        pool = gathered([str(path)], How(), tally, sample=None, by=("category",), seed=0, min_rating=0)
        assert sum(stratum.requests for stratum in pool.strata.values()) == tally.kept == tally.answered
    assert tally.records == tally.answered + tally.unreadable + tally.skipped.total()
    assert tally.reasons.total() == tally.unreadable
    assert len(tally.faults) == min(20, tally.unreadable)
    assert all(fault.message for fault in tally.faults)

"""Raw events in Parquet or JSON Lines, counted by DuckDB: more of them than Python can read line by line.

The counts equal those of `reading.recount`, but for units, which are counted exactly and not kept: what was counted
here joins no other records.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.places import file_system, is_url, shown, told
from pytest_llmupgrade.rollout.raw_sql import COLUMNS, COUNTS, NEEDED, ODD, TABLES, events_of
from pytest_llmupgrade.rollout.reading import Found
from pytest_llmupgrade.rollout.rollups import Counts, HowMany, Key, Moments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb import DuckDBPyConnection

_PARQUET = (".parquet", ".pq")
_JSON = tuple(f"{kind}{packed}" for kind in (".jsonl", ".ndjson", ".json") for packed in ("", ".gz", ".zst"))
_WILD = re.compile(r"[*?\[]")
_Row = dict[str, Any]


def read_events(files: Sequence[str], *, rollout: str | None = None) -> Found:
    """Return the counts of raw events, by default of every rollout in them.

    `files` are paths, URLs or globs that end in .parquet or .jsonl (also .gz, .zst). UsageError names what is wrong.
    """
    for file in files:
        if not file.endswith(_PARQUET + _JSON):
            raise UsageError(
                f"{shown(file)}: events are read from .parquet or .jsonl files, or globs of them"
            )
    with told(*files, what="events"), tempfile.TemporaryDirectory() as folder, _opened(files, folder) as base:
        _gather(base, [file for file in files if file.endswith(_PARQUET)], "parquet")
        _gather(base, [file for file in files if not file.endswith(_PARQUET)], "json")
        return _found(base, rollout)


@contextmanager
def _opened(files: Sequence[str], folder: str) -> Iterator[DuckDBPyConnection]:
    """Open a database in memory that spills into a folder, and reads URLs by fsspec."""
    try:
        import duckdb
    except ImportError:
        raise UsageError("raw events need DuckDB: pip install 'pytest-llmupgrade[duckdb]'") from None
    settings: dict[str, Any] = {"temp_directory": folder, "autoinstall_known_extensions": "false"}
    with duckdb.connect(":memory:", config=settings) as base:
        for file in filter(is_url, files):
            base.register_filesystem(file_system(file)[0])
        yield base


def _gather(base: DuckDBPyConnection, files: list[str], kind: str) -> None:
    """Make what the files hold a table or a view: Parquet is read column by column, JSON is parsed once."""
    if not files:
        base.execute(f"CREATE TEMP VIEW {kind}_events AS {events_of('(SELECT 1) WHERE false', {})}")
        return
    if kind == "json":
        columns = ", ".join(f"{name}: '{form}'" for name, form in COLUMNS.items())
        source = f"read_json({_list(base, files)}, format = 'newline_delimited', ignore_errors = true, columns = {{{columns}}})"
        base.execute(f"CREATE TEMP TABLE json_events AS {events_of(source, COLUMNS)}")
        return
    source = f"read_parquet({_list(base, files)}, union_by_name = true)"
    described = base.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    there = {name: form for name, form, *_ in described}
    missing = [name for name in NEEDED if name not in there]
    if missing:
        raise UsageError(
            f"{', '.join(map(shown, files))}: the events lack {', '.join(missing)}; "
            "write Parquet of whole event lines, as docs/rollout-hosts.md shows"
        )
    base.execute(f"CREATE TEMP VIEW parquet_events AS {events_of(source, there)}")


def _list(base: DuckDBPyConnection, globs: list[str]) -> str:
    """Return what some globs find as a list in SQL: each file once, whichever of them find it."""
    found: set[str] = set()
    for glob in globs:
        files = {name for (name,) in base.execute("SELECT file FROM glob(?)", [glob]).fetchall()}
        if not files:
            raise UsageError(f"{shown(glob)}: there are no such events")
        found |= files
    return "[" + ", ".join("'" + _literal(file).replace("'", "''") + "'" for file in sorted(found)) + "]"


def _literal(file: str) -> str:
    """Return the glob that finds one file only: DuckDB reads a name with `*` in it as a glob of others, counted twice."""
    return file if is_url(file) else _WILD.sub(r"[\g<0>]", file)


# --- counting --------------------------------------------------------------------------------------


def _found(base: DuckDBPyConnection, rollout: str | None) -> Found:
    base.execute(
        "CREATE TEMP VIEW events AS SELECT * FROM json_events UNION ALL BY NAME SELECT * FROM parquet_events"
    )
    base.execute("SET VARIABLE rollout = ?", [rollout])
    for name, query in TABLES.items():
        base.execute(f"CREATE TEMP TABLE {name} AS {query}")
    (odd,) = _rows(base, ODD)
    parts: dict[Key, dict[str, list[_Row]]] = {}
    for name, query in COUNTS.items():
        for row in _rows(base, query):
            parts.setdefault(_key(row), {each: [] for each in COUNTS})[name].append(row)
    counts = {key: _counts(rows) for key, rows in sorted(parts.items())}
    return Found(counts=counts, torn=int(odd["torn"]), lost=int(odd["lost"]))


def _rows(base: DuckDBPyConnection, query: str) -> list[_Row]:
    done = base.execute(query)
    names = [column[0] for column in done.description or ()]
    return [dict(zip(names, row, strict=True)) for row in done.fetchall()]


def _key(row: _Row) -> Key:
    return Key(rollout=row["rollout"], mode=row["mode"], step=row["step"], arm=row["arm"])


def _counts(parts: dict[str, list[_Row]]) -> Counts:
    """Return one step's and arm's counts of its rows of each query."""
    (calls,) = parts["calls"] or ({},)
    (units,) = parts["units"] or ({},)
    (rated,) = parts["rated"] or ({},)
    return Counts(
        requests=int(calls.get("requests", 0)),
        units=HowMany(units.get("units", 0)),
        failed={row["hit"]: HowMany(row["units"]) for row in parts["failed"]},
        rated=HowMany(rated.get("units", 0)),
        events={row["hit"]: int(row["times"]) for row in parts["events"]},
        moments=dict(_moments(calls)),
        latency={row["bin"]: int(row["times"]) for row in parts["latency"]},
        errors={row["error"]: int(row["times"]) for row in parts["errors"]},
        fallbacks=int(calls.get("fallbacks", 0)),
        unanswered=int(calls.get("unanswered", 0)),
        minutes={row["minute"]: int(row["times"]) for row in parts["minutes"]},
        first_ms=calls.get("first_ms"),
        last_ms=calls.get("last_ms"),
    )


def _moments(calls: _Row) -> Iterator[tuple[str, Moments]]:
    for column, count in calls.items():
        name, counted, _ = column.partition("__count")
        if counted and count:
            yield (
                name,
                Moments(count=int(count), total=calls[f"{name}__sum"], squares=calls[f"{name}__squares"]),
            )

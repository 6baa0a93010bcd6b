"""The SQL by which raw events are counted: what a sound event is, and the sums of `tally.py`, step by step and arm by arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.rollout.events import VERSION
from pytest_llmupgrade.rollout.rollups import MINUTE_MS
from pytest_llmupgrade.rollout.sketch import LAST_BIN

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = {
    "v": "VARCHAR",
    "type": "VARCHAR",
    "t": "BIGINT",
    "rollout": "VARCHAR",
    "mode": "VARCHAR",
    "step": "DOUBLE",
    "unit": "VARCHAR",
    "arm": "VARCHAR",
    "served": "VARCHAR",
    "ms": "DOUBLE",
    "first_token_ms": "DOUBLE",
    "tokens": "JSON",
    "cost_usd": "VARCHAR",
    "error": "VARCHAR",
    "cancelled": "BOOLEAN",
    "hits": "JSON",
    "count": "BIGINT",
}
"""What is read of a line; the rest is for people."""
NEEDED = ("type", "t", "rollout", "mode", "step", "unit", "arm", "served", "ms")
"""What every file of calls has."""
_MOST = 2**53 - 1
_KEY = "rollout, mode, step, arm"
_QUANTITIES = {
    "latency_ms": "ms",
    "first_token_ms": "first_token_ms",
    "input_tokens": "tokens[1]",
    "output_tokens": "tokens[3]",
    "cost_usd": "cost_usd",
}
"""By name in `Counts.moments`: where an event has it; lists count from one."""
_FORMS = {
    **dict.fromkeys(("type", "rollout", "mode", "arm", "served", "error"), "VARCHAR"),
    **dict.fromkeys(("step", "ms", "first_token_ms", "cost_usd"), "DOUBLE"),
    **dict.fromkeys(("v", "t", "count"), "BIGINT"),
    "cancelled": "BOOLEAN",
    "tokens": "DOUBLE[]",
    "hits": "VARCHAR[]",
}
_WHERE_THERE = ("v", "tokens", "hits", "first_token_ms", "cost_usd")
"""What an event need not have, but has whole: none is counted by half."""


def events_of(source: str, there: Mapping[str, str]) -> str:
    """Return the query of a source's events in one form, `kind` saying what each is; `there` names its columns."""

    def column(name: str, form: str) -> str:
        return f'TRY_CAST("{name}" AS {form})' if name in there else f"CAST(NULL AS {form})"

    fields = [f'{column(name, form)} AS "{name}"' for name, form in _FORMS.items()]
    fields.append(f"TRY_CAST('0x' || {column('unit', 'VARCHAR')} AS UBIGINT) AS unit")
    halves = [
        f'("{name}" IS NOT NULL AND {column(name, _FORMS[name])} IS NULL)'
        for name in _WHERE_THERE
        if name in there
    ]
    fields.append(f"{' OR '.join(halves) or 'false'} AS half")
    read = f"SELECT {', '.join(fields)} FROM {source}"
    return f"SELECT {_SHOWN} FROM (SELECT *, coalesce({_KIND}, 'torn') AS kind FROM ({read}))"


def _figure(name: str) -> str:
    return f"({name} IS NULL OR ({name} >= 0 AND isfinite({name})))"


_PARTS = (
    "rollout IS NOT NULL AND unit IS NOT NULL AND step IS NOT NULL AND arm IN ('old', 'new') "
    "AND mode IN ('live', 'shadow') AND (tokens IS NULL OR len(tokens) = 3) AND NOT half AND "
    + " AND ".join(map(_figure, ("first_token_ms", "cost_usd", "tokens[1]", "tokens[2]", "tokens[3]")))
)
_KIND = (
    f"CASE WHEN v <> {VERSION} THEN 'torn' WHEN type = 'lost' AND \"count\" BETWEEN 0 AND {_MOST} THEN 'lost' "
    f"WHEN type = 'rating' AND {_PARTS} THEN 'rating' "
    f"WHEN type IN ('call', 'shadow') AND t BETWEEN 0 AND {_MOST} AND ms >= 0 AND isfinite(ms) AND {_PARTS} THEN 'call' END"
)
_COUNTED = "kind IN ('call', 'rating')"
_SHOWN = (
    'kind, t, ms, first_token_ms, cost_usd, tokens, "count", '
    + ", ".join(
        f"CASE WHEN {_COUNTED} THEN {name} END AS {name}"  # so that torn lines, of whatever content, are one group
        for name in ("rollout", "mode", "step", "arm", "unit", "served", "error", "hits")
    )
    + f", {_COUNTED} AND coalesce(cancelled, false) AS cancelled"
)


def _sums() -> str:
    """Return the sums of what a call measures; those of a cancelled one measure the caller's patience."""
    return ", ".join(
        f"count({what}) AS {name}__count, sum({what}) AS {name}__sum, sum({what} * {what}) AS {name}__squares"
        for name, what in _QUANTITIES.items()
    )


_BIN = (
    "CASE WHEN kind <> 'call' THEN NULL WHEN ms <= 1 THEN 0 "
    f"ELSE least({LAST_BIN}, CAST(ceil(log2(ms) * 8) AS INTEGER)) END"
)
_OURS = (
    "(NOT (kind IN ('call', 'rating')) OR getvariable('rollout') IS NULL OR rollout = getvariable('rollout'))"
)
TABLES = {
    "cells": f"SELECT kind, {_KEY}, cancelled, served, error, hits, {_BIN} AS bin, count(*) AS times, "
    f'min(t) AS first_ms, max(t) AS last_ms, sum("count") AS told, {_sums()} FROM events WHERE {_OURS} GROUP BY ALL',
    "minutes": f"SELECT {_KEY}, t // {MINUTE_MS} AS minute, count(*) AS times FROM events "
    f"WHERE kind = 'call' AND {_OURS} GROUP BY ALL",
    "units": f"SELECT DISTINCT kind, {_KEY}, unit, hits FROM events WHERE {_COUNTED} AND {_OURS}",
}
"""The passes over all events: figures by what tells them apart, requests by minute, and units."""
_CALLS = "FROM cells WHERE kind = 'call'"
_MEASURED = f"{_CALLS} AND NOT cancelled"


def _totals() -> str:
    return ", ".join(
        f"coalesce(sum({name}__{part}) FILTER (NOT cancelled), 0) AS {name}__{part}"
        for name in _QUANTITIES
        for part in ("count", "sum", "squares")
    )


ODD = (
    "SELECT coalesce(sum(times) FILTER (kind = 'torn'), 0) AS torn, "
    "coalesce(sum(told) FILTER (kind = 'lost'), 0) AS lost FROM cells"
)
COUNTS = {
    "calls": f"SELECT {_KEY}, sum(times) AS requests, min(first_ms) AS first_ms, max(last_ms) AS last_ms, "
    "coalesce(sum(times) FILTER (NOT cancelled AND served <> arm), 0) AS fallbacks, "
    "coalesce(sum(times) FILTER (NOT cancelled AND served IS NULL), 0) AS unanswered, "
    f"{_totals()} {_CALLS} GROUP BY ALL",
    "latency": f"SELECT {_KEY}, bin, sum(times) AS times {_MEASURED} GROUP BY ALL",
    "minutes": f"SELECT {_KEY}, minute, times FROM minutes",
    "errors": f"SELECT {_KEY}, error, sum(times) AS times {_CALLS} AND error IS NOT NULL GROUP BY ALL",
    "events": f"SELECT {_KEY}, hit, sum(times) AS times FROM "
    f"(SELECT {_KEY}, times, unnest(hits) AS hit FROM cells WHERE {_COUNTED}) GROUP BY ALL",
    "units": f"SELECT {_KEY}, count(DISTINCT unit) AS units FROM units WHERE kind = 'call' GROUP BY ALL",
    "rated": f"SELECT {_KEY}, count(DISTINCT unit) AS units FROM units WHERE kind = 'rating' GROUP BY ALL",
    "failed": f"SELECT {_KEY}, hit, count(DISTINCT unit) AS units FROM "
    f"(SELECT {_KEY}, unit, unnest(hits) AS hit FROM units) GROUP BY ALL",
}
"""By part of `Counts`: the query whose rows it is made of."""

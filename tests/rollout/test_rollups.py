from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.rollout.rollups import Counts, Key, Moments, Rollup, from_line, merged, to_line
from pytest_llmupgrade.rollout.sketch import bin_edge, latency_bin, pack_units, quantile_ms, unpack_units

hashes = st.frozensets(st.integers(0, 2**64 - 1), max_size=5)
names = st.sampled_from(["error", "slow", "bad"])
whole = st.integers(0, 1000)
# Sums of floats depend on their order in the last digit, so the law is tested on numbers that add exactly.
moments = st.builds(Moments, count=whole, total=whole.map(float), squares=whole.map(float))
moment_of = st.one_of(st.none(), st.integers(0, 2**40))
counts = st.builds(
    Counts,
    requests=whole,
    units=hashes,
    failed=st.dictionaries(names, hashes),
    rated=hashes,
    events=st.dictionaries(names, whole),
    moments=st.dictionaries(names, moments),
    latency=st.dictionaries(st.integers(0, 99), whole),
    errors=st.dictionaries(names, whole),
    fallbacks=whole,
    unanswered=whole,
    minutes=st.dictionaries(whole, whole),
    first_ms=moment_of,
    last_ms=moment_of,
)
keys = st.builds(
    Key,
    rollout=st.just("r"),
    mode=st.sampled_from(["live", "shadow"]),
    step=st.sampled_from([0.0, 5.0, 25.0]),
    arm=st.sampled_from(["old", "new"]),
)
rollups = st.builds(
    Rollup,
    process=st.text(max_size=9),
    minute=whole,
    through=whole,
    rows=whole,
    lost=whole,
    key=keys,
    counts=counts,
)


@given(rollups)
def test_a_line_brings_the_rollup_back(rollup: Rollup) -> None:
    """What is written is read back, whatever it was."""
    line = to_line(rollup)
    assert "\n" not in line
    assert from_line(line) == rollup


def test_a_line_of_before_minutes_were_written() -> None:
    """A rollup of an earlier version still says how long a step lasted: by its first and its last request."""
    counts = Counts(requests=3, first_ms=60_000, last_ms=180_000)
    key = Key(rollout="r", mode="live", step=5.0, arm="new")
    plain = json.loads(to_line(Rollup(process="p", minute=3, through=2, key=key, counts=counts)))
    del plain["minutes"]
    assert from_line(json.dumps(plain)).counts.minutes == {1: 2, 3: 1}


@given(st.lists(rollups, max_size=4), st.randoms(use_true_random=False))
def test_merging_knows_no_order(some: list[Rollup], random: object) -> None:
    """Rollups of many processes give the same counts in whatever order they are read."""
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    assert merged((each.key, each.counts) for each in shuffled) == merged(
        (each.key, each.counts) for each in some
    )


def test_a_unit_counts_once_wherever_it_was_served() -> None:
    """One unit that failed in two processes is one failed unit."""
    one = Counts(requests=20, units=frozenset({7}), failed={"error": frozenset({7})}, events={"error": 20})
    both = one + one
    assert (both.requests, both.first_failures("error"), len(both.units)) == (40, 1, 1)
    assert both.events == {"error": 40}


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", '{"v": 1}', '{"v": 2}', "nul", '{"v": 1, "arm": "old"', "[" * 9999]
)
def test_a_torn_line_is_a_value_error(line: str) -> None:
    """A line that a kill cut is told apart from a rollup, never a crash."""
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


def test_a_line_with_an_endless_number_is_a_value_error() -> None:
    """JSON as Python reads it knows Infinity; no count is that."""
    line = to_line(
        Rollup(
            process="p",
            minute=1,
            through=1,
            key=Key(rollout="r", mode="live", step=5, arm="old"),
            counts=Counts(),
        )
    )
    with pytest.raises(ValueError, match="no rollup"):
        from_line(line.replace('"requests":0', '"requests":Infinity'))


@given(st.floats(1.0, 1e7))
def test_a_quantile_is_right_within_nine_per_cent(latency: float) -> None:
    """A latency lies in its bin, and the bin's upper edge is at most 9.1 % above it."""
    edge = bin_edge(latency_bin(latency))
    assert latency <= edge * (1 + 1e-12)
    assert edge <= latency * 2 ** (1 / 8) * (1 + 1e-12)


def test_quantiles_of_a_histogram() -> None:
    """The median of one fast and one slow half is the fast one's edge; nothing measured has none."""
    histogram = {latency_bin(100): 50, latency_bin(1000): 50}
    assert math.isclose(quantile_ms(histogram, 0.5) or 0, bin_edge(latency_bin(100)))
    assert math.isclose(quantile_ms(histogram, 0.95) or 0, bin_edge(latency_bin(1000)))
    assert quantile_ms({}, 0.5) is None


@given(hashes)
def test_packed_units_come_back(units: frozenset[int]) -> None:
    """A set of units survives its packing."""
    assert unpack_units(pack_units(units)) == units

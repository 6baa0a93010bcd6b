from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.rollout.buckets import arm_of, call_id, mark_of, read_call_id, threshold, unit_hash

percents = st.floats(0, 100)


@given(st.integers(0, 2**64 - 1), percents, percents)
def test_raising_the_percentage_moves_nobody_back(unit: int, one: float, other: float) -> None:
    """Whoever has the new arm at a percentage has it at every higher one."""
    low, high = sorted((one, other))
    assert not (arm_of(unit, low) == "new" and arm_of(unit, high) == "old")


def test_none_and_all() -> None:
    """0 % is nobody, 100 % is everybody, the hash at either end included."""
    assert {arm_of(unit, 0) for unit in (0, 2**64 - 1)} == {"old"}
    assert {arm_of(unit, 100) for unit in (0, 2**64 - 1)} == {"new"}
    assert threshold(100) == 2**64


def test_the_share_is_the_percentage() -> None:
    """Of 20,000 units, 5 % within four standard errors have the new arm, in each rollout others."""
    one = {number for number in range(20_000) if arm_of(unit_hash("a", f"user-{number}"), 5) == "new"}
    other = {number for number in range(20_000) if arm_of(unit_hash("b", f"user-{number}"), 5) == "new"}
    for share in (len(one) / 20_000, len(other) / 20_000):
        assert abs(share - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 20_000)
    assert len(one & other) < len(one) / 2


@given(st.text())
def test_any_text_is_a_unit(unit: str) -> None:
    """A unit may be any text, lone surrogates included."""
    assert 0 <= unit_hash("r", unit) < 2**64


def test_the_bucket_is_the_same_forever() -> None:
    """A unit's place does not depend on the process: it is pinned here, for a change would move users."""
    assert f"{unit_hash('gpt-4o-2026-11', 'conversation-1'):016x}" == "03e9b378b43ed1b4"


@given(st.integers(0, 2**64 - 1), st.sampled_from([0.5, 5.0, 25.0, 100.0]))
def test_a_call_id_says_what_a_rating_needs(unit: int, step: float) -> None:
    """Arm, step and unit are read back from the id."""
    arm = arm_of(unit, step)
    name = read_call_id(call_id(arm, step, unit, mark_of("r") + "a1b2"), "r")
    assert name is not None
    assert (name.arm, name.step, name.unit) == (arm, step, unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n5-00",
        f"n5-zzzzzzzzzzzzzzzz-{mark_of('r')}1",
        f"n5-ffffffffffffffff-{mark_of('r')}1",
        f"n1.2.3-0000000000000000-{mark_of('r')}1",
        f"n5-0000000000000000-{mark_of('another')}1",
        "x" * 999,
    ],
)
def test_a_forged_id_is_none(text: str) -> None:
    """What is no id, another rollout's, or names an arm in which the unit is not, rates nothing."""
    assert read_call_id(text, "r") is None

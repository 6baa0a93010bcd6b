from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_llmupgrade.fingerprints import case_fingerprint, fingerprint
from pytest_llmupgrade.model import Case, JudgeSpec

MESSAGES = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"})
CASE = Case(
    id="a", file="f", line=1, messages=MESSAGES, expected="Hi", judges=(JudgeSpec(name="contains", line=3),)
)


@pytest.mark.parametrize(
    "change",
    [
        {"messages": (*MESSAGES, {"role": "user", "content": "?"})},
        {"expected": "Hey"},
        {"expected": ["Hi"]},
        {"judges": (JudgeSpec(name="equals"),)},
        {"judges": (JudgeSpec(name="contains", negated=True),)},
        {"judges": (JudgeSpec(name="contains", options={"expected": "x"}),)},
        {"vars": {"a": 1}},
        {"tools": ({"type": "function"},)},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_what_makes_another_case(change: dict[str, Any]) -> None:
    """What asks or wants something else has another fingerprint."""
    assert case_fingerprint(replace(CASE, **change)) != case_fingerprint(CASE)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "b"},
        {"line": 9},
        {"judges": (JudgeSpec(name="contains", line=9),)},
        {"params": {"temperature": 0}},
        {"prompt": "support"},
        {"messages": ({"role": "system", "content": "Be rude."}, MESSAGES[1])},
        {"category": "other", "weight": 2.0, "tags": ("x",)},
    ],
)
def test_what_leaves_the_case_as_it_is(change: dict[str, Any]) -> None:
    """Where it stands, how it is filed and how the model is told to answer make no other case."""
    assert case_fingerprint(replace(CASE, **change)) == case_fingerprint(CASE)


def test_it_is_the_same_everywhere() -> None:
    """A fingerprint does not depend on process, order of keys, or tuple and list; it is pinned."""
    assert fingerprint({"b": [1], "a": "é"}) == fingerprint({"a": "é", "b": (1,)})
    assert fingerprint({"a": 1}).startswith("015abd7f5cc57a2d")

"""Promises of the judge of tool calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.tools import tool_calls
from tests.judges.making import answer, case

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Json

LOOKUP: dict[str, Any] = {"name": "lookup", "arguments": {"order_id": "A-17"}}
MAIL = {"name": "mail"}
CALLED = ("lookup", '{"order_id": "A-17", "verbose": true}')
MAILED = ("mail", "{}")

TABLE: list[tuple[str, list[Any], tuple[tuple[str, str], ...], dict[str, Any], bool, str]] = [
    ("subset", [LOOKUP], (CALLED,), {}, True, "called as expected: lookup"),
    ("name only", ["lookup"], (CALLED,), {}, True, "called as expected: lookup"),
    ("no arguments", ["mail"], (("mail", ""),), {}, True, "called as expected: mail"),
    ("none wanted", [], (), {}, True, "no tool was called, as expected"),
    ("none wanted, one called", [], (CALLED,), {}, False, "called in addition: 'lookup'"),
    ("not called", [LOOKUP], (), {}, False, "tool 'lookup' was not called; called: nothing"),
    ("another called", [LOOKUP], (MAILED,), {}, False, "tool 'lookup' was not called; called: mail"),
    ("once more", [LOOKUP, LOOKUP], (CALLED,), {}, False, "tool 'lookup' was not called once more; called: lookup"),
    ("wrong value", [LOOKUP], (("lookup", '{"order_id": "A-71"}'),), {}, False, 'lookup: argument order_id: expected "A-17", got "A-71"'),
    ("missing", [LOOKUP], (("lookup", "{}"),), {}, False, 'lookup: argument order_id is missing, expected "A-17"'),
    ("exact", [LOOKUP], (CALLED,), {"exact": True}, False, "lookup: argument 'verbose' is not expected"),
    ("exact, name only", ["lookup"], (CALLED,), {"exact": True}, True, "called as expected: lookup"),
    ("bad JSON", [LOOKUP], (("lookup", '{"order_id": '),), {}, False, "lookup: the arguments are not JSON: Expecting value at line 1, column 13"),
    ("no object", ["lookup"], (("lookup", "[1]"),), {}, False, "lookup: the arguments are no JSON object, but [1]"),
    ("deep", ["lookup"], (("lookup", "[" * 100_000),), {}, False, "lookup: the arguments are not JSON: it is nested too deep"),
    ("extra", [LOOKUP], (CALLED, MAILED), {}, False, "called in addition: 'mail'"),
    ("extra allowed", [LOOKUP], (MAILED, CALLED), {"extra": True}, True, "called as expected: mail, lookup"),
    ("order", [LOOKUP, MAIL], (MAILED, CALLED), {}, False, "called in another order: mail, lookup instead of lookup, mail"),
    ("any order", [LOOKUP, MAIL], (MAILED, CALLED), {"order": "any"}, True, "called as expected: mail, lookup"),
    ("order with extra", ["a", "b"], (("b", ""), ("a", ""), ("x", ""), ("b", "")), {"extra": True}, True, "called as expected: b, a, x, b"),
    ("greedy would fail", ["lookup", LOOKUP], (CALLED, ("lookup", "{}")), {"order": "any"}, True, "called as expected: lookup, lookup"),
    ("hostile name", ["lookup"], (("\u202elookup\n", ""),), {}, False, "tool 'lookup' was not called; called: \\u202elookup\\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "calls", "options", "passed", "reason"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_tool_calls(
    expected: Json, calls: tuple[tuple[str, str], ...], options: dict[str, Any], *, passed: bool, reason: str
) -> None:
    """Names, arguments, order and number of the calls decide, and the reason names the first fault."""
    verdict = tool_calls(answer("", *calls), case(), expected, **options)
    assert (verdict.passed, verdict.reason) == (passed, reason)


@pytest.mark.parametrize(
    ("wanted", "given", "reason"),
    [
        ({"order": {"id": "A"}}, '{"order": {"id": "B"}}', 'argument order.id: expected "A", got "B"'),
        ({"order": {"id": "A"}}, '{"order": {"id": "A", "x": 1}}', None),
        ({"ids": [1, 2]}, '{"ids": [1, 3]}', "argument ids[1]: expected 2, got 3"),
        ({"ids": [1, 2]}, '{"ids": [1]}', "argument ids: expected [1, 2], got [1]"),
        ({"n": 1}, '{"n": 1.0}', None),
        ({"n": 1}, '{"n": true}', "argument n: expected 1, got true"),
        ({"n": None}, '{"n": null}', None),
        ({"n": None}, "{}", "argument n is missing, expected null"),
        ({"a": 1}, '{"a": 2, "a": 1}', None),
    ],
)
def test_arguments(wanted: dict[str, Any], given: str, reason: str | None) -> None:
    """Arguments are compared as JSON, and a difference is named by its path."""
    verdict = tool_calls(answer("", ("t", given)), case(), [{"name": "t", "arguments": wanted}])
    assert verdict.reason == (f"t: {reason}" if reason else "called as expected: t")


def test_arguments_by_schema() -> None:
    """Where the value cannot be known, a JSON Schema says what arguments will do."""
    wanted: Json = [{"name": "lookup", "arguments_schema": {"properties": {"order_id": {"pattern": "^A-"}}}}]
    assert tool_calls(answer("", CALLED), case(wanted)).passed
    verdict = tool_calls(answer("", ("lookup", '{"order_id": "B-1"}')), case(wanted))
    assert verdict.reason == 'lookup: arguments $.order_id: "B-1" does not match "^A-"'


@pytest.mark.parametrize(
    ("expected", "options", "message"),
    [
        (None, {}, "judge 'tool_calls' has nothing to compare with: write `tool_calls: [{name: TOOL"),
        ("lookup", {}, "judge 'tool_calls' takes a list, not \"lookup\""),
        ([{"tool": "lookup"}], {}, 'judge \'tool_calls\': {"tool": "lookup"} names no tool'),
        (
            [{"name": "a", "args": {}}],
            {},
            "judge 'tool_calls': unknown key \"args\"; an entry has name, arguments",
        ),
        ([{"name": "a", "arguments": "x"}], {}, "judge 'tool_calls': a takes `arguments`, a mapping"),
        (
            [{"name": "a", "arguments": {}, "arguments_schema": {}}],
            {},
            "judge 'tool_calls': a takes `arguments`",
        ),
        (
            [{"name": "a", "arguments_schema": {"type": "x"}}],
            {},
            "judge 'tool_calls': the schema itself is wrong",
        ),
        ([], {"order": "random"}, "judge 'tool_calls': order is 'strict' or 'any', not \"random\""),
    ],
)
def test_wrong_expectations_are_errors(expected: Json, options: dict[str, Any], message: str) -> None:
    """What a case expects must make sense, else it is the judge's error."""
    with pytest.raises(JudgeError) as caught:
        tool_calls(answer("", CALLED), case(), expected, **options)
    assert str(caught.value).startswith(message)


NAMES = st.lists(st.sampled_from(["a", "b", "c"]), max_size=5)


@given(NAMES, NAMES)
def test_any_order_is_strict_order_up_to_sorting(wanted: list[str], called: list[str]) -> None:
    """For names alone, strict compares lists and any compares them sorted."""
    completion = answer("", *((name, "{}") for name in called))
    assert tool_calls(completion, case(), wanted).passed is (wanted == called)
    assert tool_calls(completion, case(), wanted, order="any").passed is (sorted(wanted) == sorted(called))

"""Promises of the judges that read an answer's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges import text as judges
from pytest_llmupgrade.judges.similarity import similarity, similarity_of
from pytest_llmupgrade.judges.table import BUILT_IN
from pytest_llmupgrade.judges.values import parse_json, shown
from tests.judges.making import answer, case

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Json, Verdict

TABLE: list[tuple[str, str, Json, bool, str]] = [
    ("equals", " Paris\n", "Paris", True, "the answer is the expected text"),
    ("equals", "paris", "Paris", False, "expected 'Paris', got 'paris'"),
    ("equals", "", "Paris", False, "expected 'Paris', got ''"),
    ("equals", "\u202eParis", "Paris", False, "expected 'Paris', got '\\u202eParis'"),
    ("equals", '{"b": 1.0, "a": [2]}', {"a": [2], "b": 1}, True, "the answer is the expected JSON value"),
    ("equals", "42", 42, True, "the answer is the expected JSON value"),
    ("equals", "42", "42", True, "the answer is the expected text"),
    ("equals", "1", True, False, "the answer is another JSON value:"),
    ("equals", "true", 1, False, "the answer is another JSON value:"),
    ("equals", "NaN", 1, False, "expected the JSON value 1, but the answer is not JSON: NaN is no JSON number"),
    ("equals", "[" * 100_000, [], False, "expected the JSON value [], but the answer is not JSON: it is nested too deep"),
    ("equals", "Forty-two", 42, False, "expected the JSON value 42, but the answer is not JSON: Expecting value at line 1, column 1"),
    ("contains", "You have 30 days.", "30 days", True, "'30 days' is in the answer"),
    ("contains", "You have 30 Days.", "30 days", False, "'30 days' is not in the answer"),
    ("contains", "", "30 days", False, "'30 days' is not in the answer"),
    ("icontains", "You have 30 DAYS.", "30 days", True, "'30 days' is in the answer, case aside"),
    ("icontains", "STRASSE", "stra\u00dfe", True, "'stra\u00dfe' is in the answer, case aside"),
    ("icontains", "two weeks", "30 days", False, "'30 days' is not in the answer, case aside"),
    ("contains_any", "a month", ["30 days", "a month"], True, "'a month' is in the answer"),
    ("contains_any", "two weeks", ["30 days", "a month"], False, "none of '30 days', 'a month' is in the answer"),
    ("contains_all", "30 days, unworn", ["30 days", "unworn"], True, "all of '30 days', 'unworn' are in the answer"),
    ("contains_all", "30 days", ["30 days", "unworn"], False, "'unworn' is not in the answer"),
    ("contains_all", "no", ["30 days", "unworn"], False, "'30 days', 'unworn' are not in the answer"),
    ("starts_with", "\n Yes, you can", "Yes", True, "the answer starts with 'Yes'"),
    ("starts_with", "Oh yes", "Yes", False, "the answer does not start with 'Yes', but with 'Oh '"),
    ("regex", "order A-17.", r"A-\d+", True, "'A-\\\\d+' matches 'A-17'"),
    ("regex", "order B", r"A-\d+", False, "'A-\\\\d+' matches nothing in the answer"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected", "passed", "first_line"), TABLE)
def test_verdicts(name: str, text: str, expected: Json, *, passed: bool, first_line: str) -> None:
    """Each judge decides as its table says, and its reason's first line says why."""
    verdict = judge(name, text, expected)
    assert (verdict.passed, verdict.reason.partition("\n")[0]) == (passed, first_line)


@pytest.mark.parametrize(("name", "text", "expected", "passed", "first_line"), TABLE)
def test_the_case_stands_in_for_the_option(
    name: str, text: str, expected: Json, *, passed: bool, first_line: str
) -> None:
    """Without an option, the case's `expected` is compared with."""
    verdict = BUILT_IN[name](answer(text), case(expected))
    assert verdict == judge(name, text, expected)


def test_the_option_wins_over_the_case() -> None:
    """What a judge is given in YAML is compared with instead of the case's `expected`."""
    assert judges.contains(answer("a month"), case("30 days"), "a month").passed


def test_a_diff_follows_the_first_line() -> None:
    """Two texts of several lines are shown as a unified diff, the expected one first."""
    verdict = judges.equals(answer("one\ntwo\nfour"), case("one\ntwo\nthree"))
    assert verdict.reason.splitlines() == [
        "the answer is not the expected text:",
        "--- expected",
        "+++ answer",
        " one",
        " two",
        "-three",
        "+four",
    ]


def test_a_diff_of_json_is_by_line() -> None:
    """JSON values are compared as indented text with sorted keys."""
    verdict = judges.equals(answer('{"b": 2, "a": 1}'), case({"a": 1, "b": 3}))
    assert verdict.reason.splitlines()[-4:] == ['   "a": 1,', '-  "b": 3', '+  "b": 2', " }"]


def test_a_huge_answer_makes_a_short_reason() -> None:
    """An answer of a million lines is compared in bounded time, and its reason stays readable."""
    verdict = judges.equals(answer("x\ny\n" * 500_000), case("x\n" * 500))
    assert not verdict.passed
    assert len(verdict.reason) < 20_000
    assert "more lines" in verdict.reason


@pytest.mark.parametrize(
    ("name", "expected", "message"),
    [
        ("contains", None, "judge 'contains' has nothing to compare with: write `contains: TEXT`"),
        ("equals", None, "judge 'equals' has nothing to compare with"),
        ("contains", 30, "judge 'contains' looks for a text, not 30; put it in quotes"),
        ("contains", True, "judge 'contains' looks for a text, not true; put it in quotes"),
        ("contains", ["a"], 'judge \'contains\' looks for a text, not ["a"]'),
        ("contains", "", "judge 'contains' looks for an empty text, which is in every answer"),
        ("starts_with", "", "judge 'starts_with' looks for an empty text"),
        ("contains_any", "a", "judge 'contains_any' takes a list of texts, not \"a\": write `contains_any: [TEXT, TEXT]`"),
        ("contains_all", [], "judge 'contains_all' takes a list of texts, not []"),
        ("contains_all", ["a", ""], "judge 'contains_all' looks for an empty text"),
        ("regex", "(", "judge 'regex': '(' is no regular expression: missing )"),
        ("similarity", "", "judge 'similarity' looks for an empty text"),
    ],
)  # fmt: skip
def test_wrong_expectations_are_errors(name: str, expected: Json, message: str) -> None:
    """An expectation that cannot decide is an error that says what to write, never a verdict."""
    with pytest.raises(JudgeError) as caught:
        judge(name, "an answer", expected)
    assert str(caught.value).startswith(message)


def test_regex_flags() -> None:
    """The letters i, m and s are flags, other letters an error."""
    text = answer("First\nSECOND line")
    assert not judges.regex(text, case(), "^second.line$")
    assert judges.regex(text, case(), "^second.line$", flags="im")
    assert judges.regex(text, case(), "first.second", flags="is")
    with pytest.raises(JudgeError, match="flags are letters of 'ims', not \"x\""):
        judges.regex(text, case(), "a", flags="x")


@pytest.mark.parametrize(
    ("pattern", "text"), [("(a+)+$", "a" * 5000 + "!"), (r"^(\w+\s?)*$", "word " * 60 + "!")]
)
def test_a_catastrophic_pattern_is_bounded(pattern: str, text: str) -> None:
    """A pattern that would run for years ends: it is decided, or an error after a second, never a wrong pass."""
    try:
        verdict = judges.regex(answer(text), case(), pattern)
    except JudgeError as error:
        assert "took longer than 1 s on an answer of" in str(error)  # noqa: PT017  either end is right
    else:
        assert not verdict.passed


def test_a_pattern_out_of_time_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Running out of time is an error of the judge, not a miss of the model."""
    monkeypatch.setattr(judges, "_PATTERN_SECONDS", 0.01)
    with pytest.raises(JudgeError, match="write it without nested repetitions"):
        judges.regex(answer("ab" * 3000), case(), r"(?:(?:a|b|ab)+)+c\b|(?:.*.*)*\d")


@pytest.mark.parametrize(
    ("text", "expected", "options", "passed", "reason"),
    [
        ("30 days", "30 days", {}, True, "the similarity 1.000 is at least 0.8"),
        ("30 day", "30 days", {"threshold": 0.9}, False, "the similarity 0.857 is below 0.9"),
        ("THIRTY", "thirty", {}, False, "the similarity 0.000 is below 0.8"),
        ("THIRTY", "thirty", {"ignore_case": True}, True, "the similarity 1.000 is at least 0.8"),
        ("", "thirty", {}, False, "the similarity 0.000 is below 0.8"),
        ("a" * 1999 + "b" * 501, "a" * 2500, {}, False, "the similarity 0.799 is below 0.8"),
    ],
)
def test_similarity(
    text: str, expected: str, options: dict[str, float], *, passed: bool, reason: str
) -> None:
    """Similarity is 1 - edit distance / longer length, shown so that it never seems to reach its threshold."""
    verdict = similarity(answer(text), case(expected), **options)  # type: ignore[arg-type]
    assert (verdict.passed, verdict.reason) == (passed, reason)


@pytest.mark.parametrize("threshold", [0, -1, 1.1, True, "0.8", None, float("nan")])
def test_similarity_needs_a_threshold_that_can_fail(threshold: object) -> None:
    """A threshold of zero would pass everything, so it is an error."""
    with pytest.raises(JudgeError, match="threshold is a number above 0 and up to 1"):
        similarity(answer("a"), case("a"), threshold=threshold)  # type: ignore[arg-type]


@given(st.text(), st.text())
def test_similarity_is_symmetric(left: str, right: str) -> None:
    """Which text is the answer does not matter; the value is a share."""
    assert similarity_of(left, right) == similarity_of(right, left)
    assert 0 <= similarity_of(left, right) <= 1


@given(st.text(min_size=1), st.text(), st.text())
def test_contains_finds_what_was_put_in(needle: str, before: str, after: str) -> None:
    """A text is found wherever it stands, and `icontains` and `contains_any` agree."""
    text = answer(before + needle + after)
    assert judges.contains(text, case(needle)).passed
    assert judges.icontains(text, case(needle)).passed
    assert judges.contains_any(text, case([needle])).passed


@given(st.text())
def test_every_reason_prints_on_one_line(text: str) -> None:
    """Whatever a model writes, a quoted reason has no control character in it."""
    verdict = judges.starts_with(answer(text), case("\U0010ffff!"))
    assert verdict.reason.isprintable()
    assert shown(text).isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_a_json_value_equals_itself(value: Json) -> None:
    """A value written as JSON and read back is equal to what it was."""
    import json

    if value is not None and not isinstance(value, str):
        assert judges.equals(answer(json.dumps(value)), case(value)).passed


@given(st.text())
def test_reading_json_never_raises(text: str) -> None:
    """Any text is a JSON value or says why it is none."""
    parse_json(text)


def judge(name: str, text: str, expected: Json) -> Verdict:
    """Ask a built-in judge about a text."""
    verdict = BUILT_IN[name](answer(text), case(), expected)
    assert not isinstance(verdict, bool)
    assert verdict is not None
    return verdict

"""Imported assertions decide as they do where they come from; expected values were read off promptfoo's source."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.importing.javascript import Untranslatable, pattern_of, text_of
from pytest_llmupgrade.importing.openai_evals import MATCHES
from pytest_llmupgrade.importing.promptfoo.assertions import fields_of, judge_of
from pytest_llmupgrade.importing.promptfoo.tables import assertion_of
from pytest_llmupgrade.importing.templates import NoCounterpart, names_in, rendered
from pytest_llmupgrade.judges.table import BUILT_IN
from pytest_llmupgrade.model import Verdict
from pytest_llmupgrade.run.load.judge_specs import judge_specs
from tests.judges.making import answer, case

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Completion, Json, JsonObject


def passes(judge: Any, completion: Completion | str) -> bool:
    """Whether a judge as it is written into a file passes an answer."""
    faults: list[str] = []
    (spec,) = judge_specs(judge, 1, lambda _line, message: faults.append(message))
    assert not faults
    given_answer = answer(completion) if isinstance(completion, str) else completion
    verdict = BUILT_IN[spec.name](given_answer, case(), **spec.options)
    assert isinstance(verdict, Verdict)
    return verdict.passed is not spec.negated


ASSERTIONS: list[tuple[dict[str, Any], dict[str, bool]]] = [
    ({"type": "equals", "value": "Yes"}, {"Yes": True, " Yes": False, "yes": False, "Yes\n": False}),
    ({"type": "equals", "value": 4}, {"4": True, "4.0": False}),
    ({"type": "equals", "value": True}, {"true": True, "True": False}),
    (
        {"type": "equals", "value": {"a": 1, "b": [1, 2]}},
        {' {"b": [1, 2], "a": 1.0}': True, '{"a": 1}': False, "a": False},
    ),
    ({"type": "contains", "value": "30"}, {"in 30 days": True, "3 0": False}),
    ({"type": "contains", "value": 30}, {"in 30 days": True}),
    ({"type": "icontains", "value": "DAYS"}, {"30 days": True, "30 d": False}),
    ({"type": "icontains", "value": "straße"}, {"STRASSE": False, "STRAßE": True}),
    ({"type": "contains-any", "value": "a, b"}, {"xb": True, "A": False}),
    ({"type": "contains-any", "value": '"a,b", c'}, {"a": False, "a,b": True, "c": True}),
    ({"type": "contains-all", "value": ["a", 1]}, {"a1": True, "a": False}),
    ({"type": "icontains-any", "value": ["A", "B"]}, {"b": True, "c": False}),
    ({"type": "icontains-all", "value": ["A", "B"]}, {"ba": True, "b": False}),
    ({"type": "starts-with", "value": "Yes."}, {"Yes. It is": True, " Yes.": False, "Yes, it": False}),
    ({"type": "regex", "value": r"^\d+$"}, {"12": True, "12\n": False, "٣": False, "a12": False}),
    ({"type": "is-json"}, {"[1]": True, "1": True, "{": False, "NaN": False, "```json\n{}\n```": False}),
    (
        {"type": "is-json", "value": {"required": ["a"], "type": "object"}},
        {'{"a": 1}': True, "{}": False, "no": False},
    ),
    ({"type": "is-json", "value": "{type: array}"}, {"[]": True, "{}": False}),
    (
        {"type": "contains-json"},
        {'so: {"a": 1}.': True, "none": False, "[1]": False, '[{"a": 1}]': True, "{not json}": False},
    ),
    ({"type": "contains-json", "value": {"required": ["a"]}}, {'x {"a": 1}': True, 'x {"b": 1}': False}),
    ({"type": "levenshtein", "value": "kitten", "threshold": 2}, {"kittens": True, "sitting": False}),
    ({"type": "levenshtein", "value": "kitten"}, {"sitting": True, "dog house": False}),
    ({"type": "latency", "threshold": 1250}, {"any": True}),
    ({"type": "latency", "threshold": 1249}, {"any": False}),
]


@pytest.mark.parametrize(("assertion", "answers"), ASSERTIONS, ids=lambda value: str(value)[:60])
def test_assertions_mean_what_they_meant(assertion: dict[str, Any], answers: dict[str, bool]) -> None:
    """An assertion passes the answers that it passes in promptfoo, and its negation passes the others."""
    negated = {**assertion, "type": f"not-{assertion['type']}"}
    for text, expected in answers.items():
        assert passes(judge_of(assertion), text) is expected
        assert passes(judge_of(negated), text) is not expected


def test_cost() -> None:
    """A cost assertion is the judge `max_cost` with the same limit, in USD."""
    assert judge_of({"type": "cost", "threshold": 0.002}) == {"max_cost": 0.002}
    assert judge_of({"type": "not-cost", "threshold": 1}) == {"not": {"max_cost": 1}}


def test_tool_calls_are_valid() -> None:
    """Every call must name a tool of the case and fit its schema, and there must be one."""
    from dataclasses import replace

    schema: Json = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
    tools: tuple[JsonObject, ...] = (
        {"type": "function", "function": {"name": "lookup", "parameters": schema}},
    )
    judge = BUILT_IN["valid_tool_calls"]
    asked = replace(case(), tools=tools)
    for calls, expected in (
        ((("lookup", '{"id": "A"}'),), True),
        ((("lookup", '{"id": 1}'),), False),
        ((("lookup", '{"id": "A"}'), ("other", "{}")), False),
        ((("lookup", "{"),), False),
        ((), False),
    ):
        verdict = judge(answer("", *calls), asked)
        assert isinstance(verdict, Verdict)
        assert verdict.passed is expected, calls


@pytest.mark.parametrize(
    ("assertion", "words"),
    [
        ({"type": "javascript", "value": "true"}, "javascript has no counterpart; write it as a fixture"),
        ({"type": "not-similar", "value": "x"}, "compares embeddings"),
        ({"type": "contains", "value": ""}, "contains without a text"),
        ({"type": "contains-any", "value": []}, "needs a list of texts"),
        ({"type": "equals", "value": "x", "transform": "output.trim()"}, "equals with transform"),
        ({"type": "contains", "value": "x", "weight": 0}, "weight 0"),
        ({"type": "cost"}, "cost without a threshold"),
        ({"type": "latency", "threshold": float("nan")}, "latency without a threshold"),
        ({"type": "regex", "value": r"\p{L}"}, r"the escape \p has no counterpart"),
        ({"type": "regex", "value": "("}, "is no pattern"),
        ({"type": "is-json", "value": {"type": "nothing"}}, "no JSON Schema"),
        ({"type": "is-json", "value": {"properties": {"a": {"format": "date"}}}}, "format 'date'"),
        ({"type": "is-json", "value": False}, "versions read it differently"),
        ({"type": "is-json", "value": "a: b: c"}, "not valid YAML"),
        ({"type": "llm-rubric", "value": "x", "threshold": 0.7}, "with a threshold"),
        ({}, "without a type"),
    ],
)
def test_what_has_no_counterpart(assertion: dict[str, Any], words: str) -> None:
    """What cannot be said here is refused with its reason, never turned into something near."""
    with pytest.raises(NoCounterpart) as caught:
        judge_of(assertion)
    assert words in str(caught.value)


# What Node 22 says: tests/importing compares 53 patterns with 48 texts once; these are the ones that differ most.
@pytest.mark.parametrize(
    ("source", "found", "missed"),
    [
        (r"a.c", "abc", "a\u2028c"),
        (r"^\w+$", "abc", "é"),
        (r"\s", "\ufeff", "x"),
        (r"a{,2}", "a{,2}", "aa"),
        (r"a{e<=1}", "a{e<=1}", "a"),
        (r"[[:alpha:]]", "a:]", "b"),
        (r"[^]", "\n", ""),
        (r"[]", None, "a"),
        (r"(?<y>\d+)-\k<y>", "7-7", "7-8"),
        (r"\/path\/", "/path/", "path"),
        (r"\Z", "Z", ""),
        (r"\x41\u0042", "AB", "x41"),
        (r"[\]\-a]", "-", "b"),
        (r"\$5", "$5", "5"),
    ],
)
def test_patterns(source: str, found: str | None, missed: str) -> None:
    """A JavaScript pattern matches in Python what it matches there."""
    pattern = pattern_of(source)
    assert found is None or regex.search(pattern, found)
    assert not regex.search(pattern, missed)


@given(st.text(alphabet=r"\()[]{}?<>=!:^$.*+|-,kpdwsbux01aZ /", max_size=30))
def test_any_pattern_is_translated_or_refused(source: str) -> None:
    """No pattern makes the translation fail, and what is written is text."""
    with contextlib.suppress(Untranslatable):
        assert pattern_of(source).startswith("(?a)")


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, ""), (2.0, "2"), (2.5, "2.5"), ("x", "x"), ({"a": [1]}, '{"a":[1]}'), (10, "10")],
)
def test_values_as_javascript_writes_them(value: Any, text: str) -> None:
    """A value becomes the text that a template would hold."""
    assert text_of(value) == text


def test_templates() -> None:
    """Names are filled in, also names that values bring; more than a name is refused."""
    assert names_in("{{ a }} {{b}} {{a}}") == ("a", "b")
    assert rendered({"x": ["{{a}}"]}, {"a": "{{b}}!", "b": 1}) == {"x": ["1!"]}
    assert rendered("{{missing}}", {}) == ""
    for template in (
        "{{ a | upper }}",
        "{{ a.b }}",
        "{% if a %}x{% endif %}",
        "{{ env.KEY }}",
        "{{- a -}}",
        "{{ a",
    ):
        with pytest.raises(NoCounterpart, match="is more than a name"):
            names_in(template)
    with pytest.raises(NoCounterpart, match="bring each other"):
        rendered("{{a}}", {"a": "{{a}} {{a}}"})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b,,c ", ["a", "b", "c"]),
        ('"a, b", c', ["a, b", "c"]),
        (r'"a\"b"', ['a"b']),
        ('"a""b"', ['a"b']),
        ("", []),
    ],
)
def test_comma_separated(text: str, parts: list[str]) -> None:
    """Commas part, quotes keep them together."""
    assert fields_of(text) == parts


@given(st.text(alphabet='\\", a', max_size=40))
def test_any_comma_separated_text(text: str) -> None:
    """Any text is parted or refused, quickly."""
    with contextlib.suppress(NoCounterpart):
        assert all(isinstance(part, str) for part in fields_of(text))


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("4", {"type": "equals", "value": "4"}),
        ("contains:a:b", {"type": "contains", "value": "a:b"}),
        ("not-contains-any: a , b", {"type": "not-contains-any", "value": ["a", "b"]}),
        ("levenshtein(5): x", {"type": "levenshtein", "value": "x", "threshold": 5.0}),
        ("not-contains: sorry ", {"type": "not-contains", "value": "sorry"}),
        ('icontains-all: "a, b", c', {"type": "icontains-all", "value": ["a, b", "c"]}),
        ("contains-any: a, b,", {"type": "contains-any", "value": ["a", "b"]}),
        ('is-json: {"type": "array"}', {"type": "is-json", "value": ' {"type": "array"}'}),
        ("latency", {"type": "latency", "value": None, "threshold": 0.75}),
        ("is-json", {"type": "is-json", "value": None}),
        ("fn:output", {"type": "javascript", "value": "output"}),
        ("grade: nice", {"type": "llm-rubric", "value": " nice"}),
        ("file://check.py", {"type": "python", "value": "file://check.py"}),
        ("note: this", {"type": "equals", "value": "note: this"}),
    ],
)
def test_cells(cell: str, assertion: dict[str, Any]) -> None:
    """A cell of `__expected` is the assertion that promptfoo reads in it."""
    assert assertion_of(cell) == assertion


@pytest.mark.parametrize(
    ("match", "ideals", "answers"),
    [
        ("match", ["4"], {"4.": True, " 4": False, "x4": False}),
        ("match", ["red", "blue (x)"], {"blue (x)!": True, "a red": False}),
        ("includes", ["red", "blue"], {"it is blue": True, "Blue": False}),
        ("includes-ignore-case", ["RED"], {"it is red": True, "re": False}),
        (
            "fuzzy-match",
            ["The  Cat!"],
            {"a cat": True, "a cat sat": True, "c": True, "dog": False, "": False},
        ),
        ("fuzzy-match", ["!"], {"?": True, "x": False}),
    ],
)
def test_openai_evals(match: str, ideals: list[str], answers: dict[str, bool]) -> None:
    """An answer matches as the class of that name in OpenAI's evals matches it."""
    for text, expected in answers.items():
        assert passes(MATCHES[match](ideals), text) is expected, text
    assert json.dumps(MATCHES[match](ideals))

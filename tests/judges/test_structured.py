"""Promises of the judges of JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges import schema as schema_module
from pytest_llmupgrade.judges.structured import contains_json, json_schema, json_values, pydantic
from tests.judges.making import answer, case

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Json, JsonObject

PRICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]},
        }
    },
    "required": ["items"],
}


@pytest.mark.parametrize(
    ("text", "passed", "reason"),
    [
        ('{"items": [{"price": 2.5}]}', True, "the answer fits the schema"),
        ('{"items": [{"price": 1}, {"price": 2}, {"price": "3"}]}', False, "$.items[2].price: '3' is not of type 'number'"),
        ('{"items": [{}]}', False, "$.items[0]: 'price' is a required property"),
        ("[]", False, "$: [] is not of type 'object'"),
        ("I cannot say.", False, "the answer is not JSON: Expecting value at line 1, column 1"),
        ("", False, "the answer is not JSON: Expecting value at line 1, column 1"),
        ('{"items": []} trailing', False, "the answer is not JSON: Extra data at line 1, column 15"),
        ('{"items": [{"price": NaN}]}', False, "the answer is not JSON: NaN is no JSON number"),
        ('{"items": [{"price": ' + "9" * 5000 + "}]}", False, "the answer is not JSON: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits"),
        ("[" * 200_000, False, "the answer is not JSON: it is nested too deep"),
        ('```json\n{"items": []}\n```', False, "the answer is not JSON: it stands in a Markdown fence, which `fenced: true` would accept"),
    ],
)  # fmt: skip
def test_json_schema(text: str, *, passed: bool, reason: str) -> None:
    """The whole answer is read as JSON, and the reason names the path of what does not fit."""
    verdict = json_schema(answer(text), case(), schema=PRICE)
    assert (verdict.passed, verdict.reason) == (passed, reason)


def test_three_faults_are_named() -> None:
    """A reason lists the first three faults and counts the rest."""
    text = json.dumps({"items": [{}, {}, {}, {}, {"price": "1"}]})
    assert json_schema(answer(text), case(), schema=PRICE).reason.splitlines() == [
        "$.items[0]: 'price' is a required property",
        "$.items[1]: 'price' is a required property",
        "$.items[2]: 'price' is a required property",
        "... and 2 more",
    ]


def test_a_choice_names_the_branch_that_fits_best() -> None:
    """Of an anyOf the reason tells what is wrong inside, not only that nothing fits."""
    schema: JsonObject = {
        "anyOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"type": "integer"}}}]
    }
    assert (
        json_schema(answer('{"a": "x"}'), case(), schema=schema).reason == "$.a: 'x' is not of type 'integer'"
    )


def test_hostile_values_stay_on_one_short_line() -> None:
    """Keys and values of the answer are escaped and cut in a reason."""
    text = json.dumps({"items": [{"price": "\u202e\x1b[31m" + "x" * 5000}]})
    reason = json_schema(answer(text), case(), schema=PRICE).reason
    assert reason.isprintable()
    assert len(reason) < 300


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ('```json\n{"items": []}\n```', True),
        ('\n```\n{"items": []}\n```  ', True),
        ('{"items": []}', True),
        ('Here it is:\n```json\n{"items": []}\n```', False),
        ('```json\n{"items": []}\n```\n```json\n{}\n```', False),
        ('```python\n{"items": []}\n```', False),
    ],
)
def test_one_fence_is_tolerated_when_told(text: str, *, passed: bool) -> None:
    """With `fenced: true` the answer may stand in one Markdown fence, and in nothing else."""
    assert json_schema(answer(text), case(), schema=PRICE, fenced=True).passed is passed


def test_the_schema_comes_from_the_nearest_place() -> None:
    """The option `schema` wins over the case's response_format, and that over its `expected`."""
    number = {"type": "number"}
    wrapper: JsonObject = {"type": "json_schema", "json_schema": {"name": "n", "schema": number}}
    both = case({"type": "string"}, response_format=wrapper)
    assert json_schema(answer("1"), both).passed
    assert json_schema(answer("null"), both, schema={"type": "null"}).passed
    assert json_schema(answer("null"), both, {"type": "null"}).passed
    assert json_schema(answer('"a"'), case({"type": "string"})).passed


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (None, "judge 'json_schema' has no schema: write `json_schema: {schema: {...}}`"),
        ("object", "judge 'json_schema' takes a schema, a mapping, not \"object\""),
        ({"type": "objekt"}, "judge 'json_schema': the schema itself is wrong: $.type: 'objekt' is not"),
        ({"$ref": "https://example.com/s.json"}, "judge 'json_schema': the schema refers to \"https://example.com/s.json\", which is not in it"),
        ({"$ref": "file:///etc/passwd"}, "judge 'json_schema': the schema refers to \"file:///etc/passwd\""),
        ({"$ref": "#/$defs/nowhere"}, "judge 'json_schema': the schema refers to"),
        ({"$ref": "#"}, "judge 'json_schema': the schema refers to itself without end"),
        ({"pattern": "("}, "judge 'json_schema': the schema itself is wrong: $.pattern: '(' is not a 'regex'"),
    ],
)  # fmt: skip
def test_wrong_schemas_are_errors(schema: Json, message: str) -> None:
    """A schema that cannot decide is the judge's error, and nothing is fetched to repair it."""
    with pytest.raises(JudgeError) as caught:
        json_schema(answer('"text"'), case("text"), schema=schema)
    assert str(caught.value).startswith(message)


def test_local_references_work() -> None:
    """References into the schema itself are followed."""
    schema: JsonObject = {"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}}
    assert json_schema(answer("[1, 2]"), case(), schema=schema).passed
    assert not json_schema(answer('["1"]'), case(), schema=schema).passed


def test_a_patterns_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catastrophic `pattern` in a schema ends as an error of the judge."""
    monkeypatch.setattr(schema_module, "_PATTERN_SECONDS", 0.01)
    with pytest.raises(JudgeError, match=r"took longer than 0\.01 s"):
        json_schema(
            answer(json.dumps("ab" * 3000)), case(), schema={"pattern": r"(?:(?:a|b|ab)+)+c\b|(?:.*.*)*\d"}
        )


# --- contains_json ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "schema", "passed", "reason"),
    [
        ('Sure: {"a": 1}.', None, True, 'the answer contains {"a": 1}'),
        ("one [citation", None, False, "no JSON object or array is in the answer"),
        ("I have 3 of them", None, False, "no JSON object or array is in the answer"),
        ('[see] {"a": [1, 2]} end', None, True, 'the answer contains {"a": [1, 2]}'),
        ('{"a": "x"} or {"a": 1}', {"properties": {"a": {"type": "integer"}}}, True, 'the answer contains {"a": 1}'),
        ('{"a": "x"}', {"properties": {"a": {"type": "integer"}}}, False, "no JSON in the answer fits the schema:\n$.a: 'x' is not of type 'integer'"),
    ],
)  # fmt: skip
def test_contains_json(text: str, schema: Json, *, passed: bool, reason: str) -> None:
    """An object or array anywhere in the answer counts; numbers and words in prose do not."""
    verdict = contains_json(answer(text), case(), schema=schema)
    assert (verdict.passed, verdict.reason) == (passed, reason)


@pytest.mark.parametrize("text", ["[" * 300_000, '{"a":' * 60_000, "[1," * 100_000, "{[" * 100_000])
def test_a_bracket_flood_is_bounded(text: str) -> None:
    """A text made of brackets ends in a miss after the first thousand of them."""
    assert not contains_json(answer(text), case()).passed


@given(st.text(alphabet='{}[]",:1a \\'))
def test_every_value_found_is_json(text: str) -> None:
    """What is found in a text is an object or array that stands in it."""
    assert all(isinstance(value, (dict, list)) for value in json_values(text))


@given(st.text(alphabet="abc .,"), st.dictionaries(st.text(max_size=3), st.integers()), st.text())
def test_a_value_is_found_in_prose(before: str, value: dict[str, int], after: str) -> None:
    """An object is found behind any prose without brackets."""
    assert next(json_values(before + json.dumps(value) + after)) == value


# --- pydantic --------------------------------------------------------------------------------------

APP = '''
"""The application."""
from pydantic import BaseModel

LIMIT = 3


class Order(BaseModel):
    """An order."""

    id: str
    amounts: list[int]

    class Line(BaseModel):
        """A line of it."""

        text: str


class Plain:
    """No model."""
'''


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of an application's module that can be imported."""
    name = "shop_models_of_a_test"
    Path(tmp_path, f"{name}.py").write_text(APP, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_an_answer_is_parsed_by_the_applications_model(app: str) -> None:
    """The judge passes what the application itself would accept, and says with path and value what it would not."""
    judged = {
        text: pydantic(answer(text), case(), model=f"{app}:Order")
        for text in ('{"id": "A-17", "amounts": [1]}', '{"id": "A-17", "amounts": [1, "x"]}', "no JSON")
    }
    assert [verdict.passed for verdict in judged.values()] == [True, False, False]
    reasons = [verdict.reason for verdict in judged.values()]
    assert reasons[0] == f"the answer parses as {app}:Order"
    assert reasons[1].startswith(
        '$.amounts[1]: Input should be a valid integer, unable to parse string as an integer, got "x"'
    )
    assert reasons[2].startswith("$: Invalid JSON: ")


def test_nested_classes_and_fences(app: str) -> None:
    """A class inside a class is named with a dot; a fence is tolerated when told."""
    text = '```json\n{"text": "shoes"}\n```'
    assert pydantic(answer(text), case(), model=f"{app}:Order.Line", fenced=True).passed
    assert not pydantic(answer(text), case(), model=f"{app}:Order.Line").passed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Order", "model is written 'package.module:Class', not \"Order\""),
        (".models:Order", "model is written 'package.module:Class'"),
        ("APP:", "model is written 'package.module:Class'"),
        (17, "model is written 'package.module:Class', not 17"),
        (
            "no_such_module_here:Order",
            "cannot import no_such_module_here:Order: No module named 'no_such_module_here'",
        ),
        ("APP:Missing", "has no attribute 'Missing'"),
        ("APP:LIMIT", "is no class, but 3"),
        ("APP:Plain", "is no model: Unable to generate pydantic-core schema"),
    ],
)
def test_a_wrong_model_is_an_error(app: str, name: str, message: str) -> None:
    """A model that cannot be imported or is none is the judge's error."""
    written = name.replace("APP", app) if isinstance(name, str) else name
    with pytest.raises(JudgeError) as caught:
        pydantic(answer("{}"), case(), model=written)
    assert message in str(caught.value)

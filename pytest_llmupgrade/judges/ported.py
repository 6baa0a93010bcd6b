"""Judges that mean to the letter what other tools' assertions mean; `llmupgrade import` writes them."""

from __future__ import annotations

import json
import re
import string
from typing import TYPE_CHECKING, NoReturn

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.expectation import text_for, texts_for, value_for
from pytest_llmupgrade.judges.schema import schema_for
from pytest_llmupgrade.judges.values import NotJson, parse_json, quoted, shown
from pytest_llmupgrade.judges.verdicts import hit, miss
from pytest_llmupgrade.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_llmupgrade.model import Case, Completion, Json, ToolCall

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MOST_PLACES = 1000
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exactly(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where the answer is the expected text, every space and line break counted."""
    text = value_for("exactly", expected, case)
    if not isinstance(text, str):
        raise JudgeError(f"judge 'exactly' compares with a text, not {shown(text)}; put it in quotes")
    same = completion.text == text
    return Verdict(same, f"the answer is {'' if same else 'not '}exactly {quoted(text)}")


def icontains_any(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where at least one of the expected texts stands in the answer, upper or lower case alike."""
    answer = completion.text.lower()
    texts = texts_for("icontains_any", expected, case)
    found = [text for text in texts if text.lower() in answer]
    if found:
        return hit(f"{quoted(found[0])} is in the answer, case aside")
    return miss(f"none of {_listed(texts)} is in the answer, case aside")


def icontains_all(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where every one of the expected texts stands in the answer, upper or lower case alike."""
    answer = completion.text.lower()
    texts = texts_for("icontains_all", expected, case)
    missing = tuple(text for text in texts if text.lower() not in answer)
    if not missing:
        return hit(f"all of {_listed(texts)} are in the answer, case aside")
    return miss(f"not in the answer, case aside: {_listed(missing)}")


def edit_distance(
    completion: Completion, case: Case, expected: Json = None, *, at_most: float = 5
) -> Verdict:
    """Pass where at most `at_most` (5) insertions, deletions and substitutions turn the answer into the expected text."""
    from rapidfuzz.distance import Levenshtein

    if isinstance(at_most, bool) or not isinstance(at_most, int | float) or not at_most >= 0:
        raise JudgeError(f"judge 'edit_distance': at_most is a number from 0 on, not {shown(at_most)}")
    text = text_for("edit_distance", expected, case)
    distance = Levenshtein.distance(completion.text, text)
    passed = distance <= at_most
    return Verdict(
        passed, f"the edit distance is {distance}, {'at most' if passed else 'more than'} {at_most:g}"
    )


def fuzzy_match(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where the answer contains an expected text or is contained in it; case, punctuation, articles and spaces aside."""
    value = value_for("fuzzy_match", expected, case)
    texts = (value,) if isinstance(value, str) else texts_for("fuzzy_match", expected, case)
    answer = _normalised(completion.text)
    for text in texts:
        wanted = _normalised(text)
        if wanted == answer or (wanted and answer and (wanted in answer or answer in wanted)):
            return hit(f"the answer matches {quoted(text)}")
    return miss(f"the answer matches none of {_listed(texts)}")


def contains_object(completion: Completion, case: Case, *, schema: Json = None) -> Verdict:  # noqa: ARG001  every judge takes the case
    """Pass where a JSON object stands somewhere in the answer, one that fits `schema` if there is one; arrays do not count."""
    checked = None if schema is None else schema_for("contains_object", schema)
    nearest: tuple[str, ...] = ()
    for value in _objects(completion.text):
        faults = checked.faults(value) if checked else ()
        if not faults:
            return hit(f"the answer contains {shown(value)}")
        nearest = nearest or faults
    return miss(
        f"no JSON object in the answer fits the schema: {nearest[0]}"
        if nearest
        else "no JSON object is in it"
    )


def _objects(text: str) -> Iterator[Json]:
    """Yield the JSON objects of a text from left to right, none inside another, at most a thousand places tried."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    at = text.find("{")
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value
        at = text.find("{", end)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def valid_tool_calls(completion: Completion, case: Case) -> Verdict:
    """Pass where the model called a tool, and each call names one of the case's tools with arguments that fit its schema."""
    tools = dict(_schemas(case))
    if not tools:
        raise JudgeError("judge 'valid_tool_calls': the case has no `tools` to check the calls against")
    if not completion.tool_calls:
        return miss("no tool was called")
    faults = [fault for call in completion.tool_calls if (fault := _call_fault(call, tools))]
    return miss("\n".join(faults)) if faults else hit("every call fits its tool's schema")


def _schemas(case: Case) -> Iterator[tuple[str, Json]]:
    for tool in case.tools:
        function = tool.get("function")
        if isinstance(function, dict):
            yield str(function.get("name")), function.get("parameters", {})


def _call_fault(call: ToolCall, tools: Mapping[str, Json]) -> str | None:
    if call.name not in tools:
        return f"{quoted(call.name)} is none of the tools: {_listed(tuple(tools))}"
    given = parse_json(call.arguments.strip() or "{}")
    if isinstance(given, NotJson):
        return f"{call.name}: the arguments are not JSON: {given.reason}"
    faults = schema_for("valid_tool_calls", tools[call.name]).faults(given)
    return f"{call.name}: arguments {faults[0]}" if faults else None


def _normalised(text: str) -> str:
    """Return a text as OpenAI's evals compare it: elsuite/utils.py, `normalize`."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(quoted(text, longest=60) for text in texts)

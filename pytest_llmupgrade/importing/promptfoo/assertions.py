"""promptfoo's assertions as judges that mean the same; src/assertions of promptfoo is the reference."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.importing.javascript import Untranslatable, pattern_of, text_of
from pytest_llmupgrade.importing.promptfoo.schemas import schema_of
from pytest_llmupgrade.importing.templates import NoCounterpart
from pytest_llmupgrade.run.load.checks import pattern_fault
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Judge = str | dict[str, Any]
_DEFAULT_DISTANCE = 5
_FIELD = re.compile(r'\s*(?:"((?:\\["\\]|""|[^"\\]|\\(?!["\\]))*)"|([^,"][^,]*|))\s*(?:,|$)')


def judge_of(assertion: Mapping[str, Any]) -> Judge:
    """Return the judge for an assertion whose templates and files are resolved; NoCounterpart says why there is none."""
    kind = assertion.get("type")
    if not isinstance(kind, str):
        raise NoCounterpart("an assertion without a type")
    base = kind.removeprefix("not-")
    if base not in _JUDGES:
        raise NoCounterpart(f"{shorten(one_line(kind), 60)} has no counterpart{_HINTS.get(base, '')}")
    for key in ("transform", "contextTransform"):
        if key in assertion:
            raise NoCounterpart(f"{kind} with {key}: write a judge of your own in conftest.py")
    if assertion.get("weight") == 0:
        raise NoCounterpart(f"{kind} with weight 0 only records a figure, and decides nothing")
    judge = _JUDGES[base](assertion.get("value"), assertion.get("threshold"))
    return {"not": judge} if kind != base else judge


def remarks_on(assertion: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the judge is near the assertion but not the same, and what of it is not taken over."""
    kind = str(assertion.get("type", ""))
    near = _NEAR.get(kind.removeprefix("not-"))
    if near:
        yield near
    for key in assertion:
        if key in _GRADING:
            yield f"{kind}: its {key} is not taken over; see [tool.llmupgrade.judge]"
        elif key not in _KNOWN:
            yield f"{kind}: its {one_line(key)} is not taken over"


_KNOWN = frozenset(
    ["type", "value", "threshold", "weight", "transform", "contextTransform", "assert", "$ref"]
)
_GRADING = ("provider", "rubricPrompt", "factuality")
_HINTS = {
    "javascript": "; write it as a fixture in conftest.py, and name it under judge",
    "python": "; write it as a fixture in conftest.py, and name it under judge",
    "similar": " (it compares embeddings); llm_judge or similarity may do",
    "factuality": "; llm_judge with criteria may do",
    "model-graded-closedqa": "; llm_judge with criteria may do",
    "assert-set": " with a threshold or weights",
}
_NEAR = {
    "llm-rubric": "llm-rubric is now llm_judge, which asks with a prompt of its own",
    "is-refusal": "is-refusal is now is_refusal, which knows other phrases",
    "contains-json": "contains-json is now contains_object, which takes JSON as it stands; promptfoo repairs some that is broken",
}


def _equals(value: Any, _threshold: Any) -> Judge:
    if isinstance(value, dict | list):
        return {"equals": {"expected": value}}
    if value is None:
        raise NoCounterpart("equals without a value")
    return {"exactly": text_of(value)}


def _contains(value: Any, _threshold: Any) -> Judge:
    return {"contains": _word("contains", value)}


def _icontains(value: Any, _threshold: Any) -> Judge:
    # a list of one: `icontains` folds more letters than JavaScript does
    return {"icontains_any": [_word("icontains", value)]}


def _several(name: str) -> Callable[[Any, Any], Judge]:
    def judge(value: Any, _threshold: Any) -> Judge:
        parts = fields_of(value) if isinstance(value, str) else value
        if not isinstance(parts, list) or not parts or not all(text_of(part) for part in parts):
            raise NoCounterpart(f"{name.replace('_', '-')} needs a list of texts that are not empty")
        return {name: [text_of(part) for part in parts]}

    return judge


def _starts(value: Any, _threshold: Any) -> Judge:
    return {"regex": rf"\A{re.escape(_text('starts-with', value))}"}


def _regex(value: Any, _threshold: Any) -> Judge:
    source = _text("regex", value)
    try:
        pattern = pattern_of(source)
    except Untranslatable as error:
        raise NoCounterpart(f"regex {shorten(one_line(source), 60)!r}: {error} has no counterpart") from None
    if fault := pattern_fault(pattern):
        raise NoCounterpart(f"regex {shorten(one_line(source), 60)!r} is no pattern: {fault}")
    return {"regex": pattern}


def _is_json(value: Any, _threshold: Any) -> Judge:
    return {"json_schema": {"schema": schema_of("is-json", value)}}


def _contains_json(value: Any, _threshold: Any) -> Judge:
    schema = schema_of("contains-json", value)
    return {"contains_object": {"schema": schema}} if schema else "contains_object"


def _levenshtein(value: Any, threshold: Any) -> Judge:
    most = _DEFAULT_DISTANCE if threshold is None else threshold
    return {
        "edit_distance": {"expected": _text("levenshtein", value), "at_most": _limit("levenshtein", most)}
    }


def _cost(_value: Any, threshold: Any) -> Judge:
    return {"max_cost": _limit("cost", threshold)}


def _latency(_value: Any, threshold: Any) -> Judge:
    return {"max_latency": _tidy(_limit("latency", threshold) / 1000)}


def _tools_call(_value: Any, _threshold: Any) -> Judge:
    return "valid_tool_calls"


def _refusal(_value: Any, _threshold: Any) -> Judge:
    return "is_refusal"


def _rubric(value: Any, threshold: Any) -> Judge:
    if threshold is not None:
        raise NoCounterpart("llm-rubric with a threshold: llm_judge passes or misses, without a score")
    return {"llm_judge": {"criteria": _word("llm-rubric", value)}}


_JUDGES: Mapping[str, Callable[[Any, Any], Judge]] = {
    "equals": _equals,
    "contains": _contains,
    "icontains": _icontains,
    "contains-any": _several("contains_any"),
    "contains-all": _several("contains_all"),
    "icontains-any": _several("icontains_any"),
    "icontains-all": _several("icontains_all"),
    "starts-with": _starts,
    "regex": _regex,
    "is-json": _is_json,
    "contains-json": _contains_json,
    "levenshtein": _levenshtein,
    "cost": _cost,
    "latency": _latency,
    "is-valid-openai-tools-call": _tools_call,
    "is-refusal": _refusal,
    "llm-rubric": _rubric,
}


def fields_of(text: str) -> list[str]:
    r"""Return the parts of a comma-separated text; quotes keep a comma, `\\"` and `""` are a quote."""
    parts = []
    at = 0
    while at < len(text):
        found = _FIELD.match(text, at)
        if found is None or found.end() == at:
            raise NoCounterpart("a comma-separated text with a stray quote")
        at = found.end()
        if found[1] is not None:
            parts.append(re.sub(r'\\(["\\])|""', lambda hit: hit[1] or '"', found[1]))
        elif found[2].strip():
            parts.append(found[2].strip())
    return parts


def _word(kind: str, value: Any) -> str:
    """Return the text to look for, as JavaScript writes it; what is empty or no text or number is refused, as there."""
    if isinstance(value, dict | list | bool) or text_of(value) == "":
        raise NoCounterpart(f"{kind} without a text")
    return text_of(value)


def _text(kind: str, value: Any) -> str:
    """Return a text; promptfoo takes nothing else here."""
    if not isinstance(value, str):
        raise NoCounterpart(f"{kind} without a text")
    return _word(kind, value)


def _tidy(number: float) -> float:
    return int(number) if number == int(number) else number


def _limit(kind: str, threshold: Any) -> float:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold < math.inf:
        raise NoCounterpart(f"{kind} without a threshold decides nothing")
    return _tidy(threshold)

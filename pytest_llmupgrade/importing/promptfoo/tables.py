"""A row of promptfoo's CSV of tests; src/csv.ts of promptfoo is the reference."""

from __future__ import annotations

import re
from typing import Any

from pytest_llmupgrade.importing.promptfoo.assertions import fields_of
from pytest_llmupgrade.importing.templates import NoCounterpart

_ASSERTION = re.compile(r"(not-)?([a-z][a-z-]*)(?:\((\d+(?:\.\d+)?)\))?(?::(.*))?", re.DOTALL)
_CODE = {"javascript:": "javascript", "fn:": "javascript", "eval:": "javascript", "python:": "python"}
_LISTS = frozenset(("contains-all", "contains-any", "icontains-all", "icontains-any"))
_WITH_THRESHOLD = frozenset(
    [
        "answer-relevance",
        "classifier",
        "context-faithfulness",
        "context-recall",
        "context-relevance",
        "cost",
        "latency",
        "levenshtein",
        "perplexity-score",
        "perplexity",
        "rouge-n",
        "similar",
        "starts-with",
    ]
)
_BARE = frozenset(
    [
        "equals",
        "contains",
        "icontains",
        "regex",
        "is-json",
        "contains-json",
        "starts-with",
        "levenshtein",
        "cost",
        "latency",
        "is-valid-openai-tools-call",
        "is-valid-openai-function-call",
        "is-refusal",
        "similar",
        "llm-rubric",
        "factuality",
        "model-graded-closedqa",
        "model-graded-factuality",
        "answer-relevance",
        "classifier",
        "context-faithfulness",
        "context-recall",
        "context-relevance",
        "perplexity",
        "perplexity-score",
        "rouge-n",
        "rouge-s",
        "rouge-l",
        "bleu",
        "gleu",
        "meteor",
        "moderation",
        "guardrails",
        "webhook",
        "is-sql",
        "contains-sql",
        "is-xml",
        "contains-xml",
        "is-html",
        "contains-html",
        "finish-reason",
        "select-best",
        "g-eval",
        "pi",
        "human",
        "assert-set",
        "trajectory",
    ]
)
_AS_WRITTEN = frozenset(("contains-json", "is-json"))
"""Kinds whose cell is not trimmed."""
_KINDS = _LISTS | _WITH_THRESHOLD | _BARE
_THRESHOLD = 0.75
"""What promptfoo takes where a row names none; for `similar` it is 0.8."""


def test_of_row(row: dict[str, str]) -> dict[str, Any]:
    """Return the test that a row stands for."""
    values = {key: value for key, value in row.items() if not key.startswith("__")}
    asserts = [
        assertion_of(value) for key, value in row.items() if key.startswith("__expected") and value.strip()
    ]
    test: dict[str, Any] = {"vars": values, "assert": asserts, "options": {}}
    for key, value in row.items():
        if key in ("__prefix", "__suffix"):
            test["options"][key[2:]] = value
        elif key == "__description":
            test["description"] = value
        elif key == "__threshold" and value.strip():
            test["threshold"] = value
        elif key.startswith("__") and not key.startswith("__expected") and value.strip():
            test[key] = value
    return test


def assertion_of(text: str) -> dict[str, Any]:
    """Return the assertion that a cell stands for; what names no kind is compared as it stands."""
    for prefix, kind in _CODE.items():
        if text.startswith(prefix):
            return {"type": kind, "value": text.removeprefix(prefix).strip()}
    for prefix in ("grade:", "llm-rubric:"):
        if text.startswith(prefix):
            return {"type": "llm-rubric", "value": text.removeprefix(prefix)}
    if text.startswith("file://"):
        return {"type": "javascript" if not re.search(r"\.py\b", text) else "python", "value": text}
    found = _ASSERTION.fullmatch(text)
    if found is None or found[2] not in _KINDS:
        return {"type": "equals", "value": text}
    return _named(found)


def _named(found: re.Match[str]) -> dict[str, Any]:
    kind, value = found[2], found[4]
    assertion: dict[str, Any] = {"type": (found[1] or "") + kind, "value": value}
    if kind in _LISTS:
        assertion["value"] = _parts(value)
    elif kind not in _AS_WRITTEN:
        assertion["value"] = None if value is None else value.strip()
    if kind in _WITH_THRESHOLD:
        given = float(found[3]) if found[3] else 0.0
        assertion["threshold"] = given or (0.8 if kind == "similar" else _THRESHOLD)
    return assertion


def _parts(value: str | None) -> Any:
    """Return the list in a cell; one that cannot be parted stays a text, and its assertion says why it is none."""
    try:
        return fields_of(value) if value else value
    except NoCounterpart:
        return value

"""Why answers missed: each rule by an example, and what all groups together are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.model import Judgement, Record, ToolCall
from pytest_llmupgrade.run.causes import CAUSES, EXAMPLES, OTHER, cause_of, grouped
from tests.report.making import MODELS, record


def missed(answer: str, judge: str, reason: str = "", *, finish: str = "stop", calls: int = 0) -> Record:
    """Return a record of a miss."""
    judgement = Judgement(judge=judge, passed=False, reason=reason)
    return replace(
        record("case", MODELS[1], passed=False, answer=answer),
        judgements=(judgement,),
        finish_reason=finish,
        tool_calls=(ToolCall(name="look", arguments="{}"),) * calls,
    )


BEFORE = record("case", MODELS[0], passed=True, answer="You have 30 days to return it.")
TABLE = [
    ("code_fence", missed('```json\n{"a": 1}\n```', "json_schema", "the answer is not JSON: line 1")),
    (
        "code_fence",
        missed("```\n[1]\n```", "equals", "expected the JSON value [1], but the answer is not JSON: x"),
    ),
    (
        "extra_prose",
        missed('Here you are: {"a": 1}. Enjoy!', "json_schema", "the answer is not JSON: line 1"),
    ),
    ("schema_key", missed('{"a": 1}', "json_schema", "'b' is a required property")),
    (
        "tool_not_called",
        missed("It is on its way.", "tool_calls", "tool 'look' was not called; called: nothing"),
    ),
    (
        "tool_argument",
        missed("", "tool_calls", "look: argument id: expected 'A', got 'B'", calls=1),
    ),
    (
        "refusal",
        missed("I'm sorry, but I can't assist with that.", "contains", "'30 days' is not in the answer"),
    ),
    ("refusal", missed("", "contains", finish="content_filter")),
    (
        "not_refused",
        missed("Sure! Take the drill and", "is_refusal", "the answer is no refusal", finish="length"),
    ),
    ("token_limit", missed("You have thirty", "contains", finish="length")),
    ("empty", missed("", "contains")),
    ("longer", missed("You have one month. " * 8, "contains", "'30 days' is not in the answer")),
    ("longer", missed("ok", "max_tokens", "the answer has 300 tokens")),
    ("other", missed("One month.", "contains", "'30 days' is not in the answer")),
    ("other", missed("{broken", "json_schema", "the answer is not JSON: line 1")),
]


@pytest.mark.parametrize(("name", "made"), TABLE, ids=[name for name, _ in TABLE])
def test_each_rule(name: str, made: Record) -> None:
    """An answer that missed in a known way is told by that way."""
    assert cause_of(made, BEFORE).name == name


def test_the_schema_judge_speaks_as_the_rule_expects() -> None:
    """The words that the rules look for are those that the judges say."""
    from pytest_llmupgrade.judges.structured import json_schema
    from tests.judges.making import answer, case

    schema = {"type": "object", "required": ["b"]}
    said = json_schema(answer('{"a": 1}'), case(), schema)
    assert cause_of(missed('{"a": 1}', "json_schema", said.reason)).name == "schema_key"
    said = json_schema(answer('```json\n{"b": 1}\n```'), case(), schema)
    assert (
        said.passed
        or cause_of(missed('```json\n{"b": 1}\n```', "json_schema", said.reason)).name == "code_fence"
    )


@given(st.lists(st.tuples(st.sampled_from([made for _, made in TABLE]), st.text(max_size=3))))
def test_groups_are_a_partition(picked: list[tuple[Record, str]]) -> None:
    """Every miss is in one group; counts add up, examples are few, `other` is last, and the order of misses is nothing."""
    misses = [(replace(made, case_id=f"f::{name}"), None) for made, name in picked]
    groups = grouped(misses)
    assert sum(group.count for group in groups) == len(misses)
    assert all(0 < len(group.examples) <= EXAMPLES for group in groups)
    assert OTHER not in [group.cause for group in groups[:-1]]
    assert [(g.cause, g.count) for g in grouped(reversed(misses))] == [(g.cause, g.count) for g in groups]


def test_every_cause_says_what_helps() -> None:
    """Each cause has words and a repair, and a name of its own."""
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)
    assert all(cause.words and cause.repair for cause in CAUSES)

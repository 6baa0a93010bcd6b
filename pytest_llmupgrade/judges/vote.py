"""What the judging model says: read from its own channel, and only in the form that was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.values import clipped, quoted

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Completion, Json, JsonObject

_LONGEST_REASON = 500
_PLAIN = {"PASS": True, "FAIL": False}
_STRUCTURED = {"pass": True, "fail": False}

VOTE_FORMAT: JsonObject = {
    "type": "json_schema",
    "json_schema": {
        "name": "verdict",
        "strict": True,
        "schema": {
            "type": "object",
            # The reason first: a model that writes tokens in order then decides after it has reasoned.
            "properties": {
                "reason": {"type": "string"},
                "verdict": {"type": "string", "enum": ["pass", "fail"]},
            },
            "required": ["reason", "verdict"],
            "additionalProperties": False,
        },
    },
}
"""The `response_format` of a structured vote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One answer of the judging model."""

    passed: bool
    reason: str
    """One line, at most 500 characters."""


def read_vote(completion: Completion, *, structured: bool = True) -> Vote:
    """Read a judge's answer; JudgeError for a refusal, a cut or empty answer, and anything but pass or fail."""
    if completion.refusal or completion.finish_reason == "content_filter":
        raise JudgeError(
            f"llm_judge: the judge refused to judge: {quoted(completion.refusal or completion.text)}"
        )
    if completion.finish_reason == "length":
        raise JudgeError(
            "llm_judge: the judge's answer was cut at its token limit: raise max_tokens of its model"
        )
    if not completion.text.strip():
        raise JudgeError("llm_judge: the judge's answer is empty")
    vote = _structured_vote(completion.text) if structured else _plain_vote(completion.text)
    if vote is None:
        raise JudgeError(
            f"llm_judge: the judge's answer is neither pass nor fail: {quoted(completion.text, longest=200)}"
        )
    return vote


def _structured_vote(text: str) -> Vote | None:
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.keys() != {"reason", "verdict"}:
        return None
    reason, verdict = value["reason"], value["verdict"]
    if not isinstance(reason, str) or not isinstance(verdict, str) or verdict not in _STRUCTURED:
        return None
    return Vote(passed=_STRUCTURED[verdict], reason=_tidy(reason))


def _plain_vote(text: str) -> Vote | None:
    # Split at newlines only: splitlines() would also split where a quoted answer has a form feed.
    reason, _, last = text.rstrip().rpartition("\n")
    return Vote(passed=_PLAIN[last], reason=_tidy(reason)) if last in _PLAIN else None


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Refuse an object that says a thing twice: parsers differ on which one holds."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _tidy(reason: str) -> str:
    return clipped(" ".join(reason[: 2 * _LONGEST_REASON].split()), _LONGEST_REASON)

"""Why answers missed, by rules: what their text, their end and their judges' words show, without a model."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.refusals import refusal_phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_llmupgrade.model import Judgement, Record

EXAMPLES = 2
"""Shown of each cause."""
_LONGER = 2.0
"""So many times as long as the answer before: no longer the same kind of answer."""
_SHORT = 20
"""Characters below which a length says nothing."""
_JSON_JUDGES = frozenset(("json_schema", "contains_json", "pydantic"))
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_LENGTH_JUDGES = frozenset(("max_tokens",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A reason that many misses share, and what usually helps."""

    name: str
    words: str
    repair: str


CODE_FENCE = Cause(
    name="code_fence",
    words="JSON wrapped in a code fence",
    repair="set response_format, or say in the prompt: reply with the JSON alone, without a code fence",
)
EXTRA_PROSE = Cause(
    name="extra_prose",
    words="extra prose around the JSON",
    repair="set response_format, or say in the prompt: reply with the JSON alone, no other words",
)
SCHEMA_KEY = Cause(
    name="schema_key",
    words="a key of the schema is missing",
    repair="set response_format to a json_schema with strict: true, or list the keys in the prompt",
)
TOOL_NOT_CALLED = Cause(
    name="tool_not_called",
    words="a tool was not called",
    repair="set tool_choice: required, or say in the tool's description when it is to be called",
)
TOOL_ARGUMENT = Cause(
    name="tool_argument",
    words="a tool was called with a wrong argument",
    repair="describe the argument in the tool's schema (format, example), and set strict: true",
)
REFUSAL = Cause(
    name="refusal",
    words="the model refused",
    repair="say in the prompt who asks and why it is allowed; soften words that trip the new model",
)
TOKEN_LIMIT = Cause(
    name="token_limit",
    words="cut at the token limit",
    repair="raise max_completion_tokens: reasoning counts in it, and newer models write more",
)
EMPTY = Cause(
    name="empty",
    words="an empty answer",
    repair="raise max_completion_tokens, or lower the reasoning effort",
)
LONGER = Cause(
    name="longer",
    words="longer than before",
    repair="ask for a length in the prompt (one sentence), or set verbosity: low",
)
NOT_REFUSED = Cause(
    name="not_refused",
    words="no refusal where one is wanted",
    repair="say in the system prompt what is out of bounds, and with which words to decline",
)
OTHER = Cause(name="other", words="other", repair="read the examples; compare the prompts that own them")

CAUSES = (
    NOT_REFUSED,
    EMPTY,
    TOKEN_LIMIT,
    REFUSAL,
    CODE_FENCE,
    EXTRA_PROSE,
    SCHEMA_KEY,
    TOOL_NOT_CALLED,
    TOOL_ARGUMENT,
    LONGER,
    OTHER,
)
"""In the order in which they are looked for: the first that fits is the cause."""


@dataclass(frozen=True, slots=True)
class Example:
    """A miss, beside what the incumbent answered."""

    record: Record
    before: Record | None = None
    """None where a single model's misses are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseGroup:
    """The misses of one cause."""

    cause: Cause
    count: int
    examples: tuple[Example, ...]
    """The first of them by name, at most EXAMPLES."""


def cause_of(record: Record, before: Record | None = None) -> Cause:
    """Return why an item missed; `before` is the incumbent's record of the same case."""
    return next(cause for cause in CAUSES if _FITS[cause.name](record, before))


def grouped(misses: Iterable[tuple[Record, Record | None]]) -> tuple[CauseGroup, ...]:
    """Return missed records, each with the one before, by cause; the most frequent first, `other` last."""
    counts: Counter[str] = Counter()
    first: dict[str, list[Example]] = {}
    for record, before in misses:
        name = cause_of(record, before).name
        counts[name] += 1
        # by name, so that the examples are the same whatever the order in which items ran
        first[name] = sorted([*first.get(name, ()), Example(record, before)], key=_by_name)[:EXAMPLES]
    groups = [
        CauseGroup(cause=cause, count=counts[cause.name], examples=tuple(first[cause.name]))
        for cause in CAUSES
        if cause.name in counts
    ]
    return tuple(sorted(groups, key=lambda group: (group.cause is OTHER, -group.count)))


def _by_name(example: Example) -> str:
    return example.record.case_id


# --- the rules -------------------------------------------------------------------------------------


def _text(record: Record) -> str:
    return (record.answer or "").strip()


def _missed(record: Record) -> list[Judgement]:
    return [judgement for judgement in record.judgements if not judgement.passed]


def _is_empty(record: Record, _: Record | None) -> bool:
    return not _text(record) and not record.tool_calls and record.finish_reason != "content_filter"


def _is_cut(record: Record, _: Record | None) -> bool:
    return record.finish_reason == "length"


def _is_not_refused(record: Record, _: Record | None) -> bool:
    return any(judgement.judge == "is_refusal" for judgement in _missed(record))


def _is_refused(record: Record, _: Record | None) -> bool:
    return record.finish_reason == "content_filter" or refusal_phrase(_text(record)) is not None


def _wanted_json(record: Record) -> bool:
    return any(
        judgement.judge in _JSON_JUDGES or "is not JSON" in judgement.reason for judgement in _missed(record)
    )


def _is_fenced(record: Record, _: Record | None) -> bool:
    fence = _FENCE.match(_text(record))
    return _wanted_json(record) and fence is not None and _is_json(fence[1])


def _is_amid_prose(record: Record, _: Record | None) -> bool:
    text = _text(record)
    return _wanted_json(record) and not _is_json(text) and _holds_json(text)


def _lacks_key(record: Record, _: Record | None) -> bool:
    return any(
        judgement.judge == "json_schema" and ("required" in judgement.reason or "missing" in judgement.reason)
        for judgement in _missed(record)
    )


def _called_not(record: Record, _: Record | None) -> bool:
    return any(
        judgement.judge == "tool_calls" and ("was not called" in judgement.reason)
        for judgement in _missed(record)
    )


def _called_wrongly(record: Record, _: Record | None) -> bool:
    return any(
        judgement.judge == "tool_calls" and "argument" in judgement.reason for judgement in _missed(record)
    )


def _is_longer(record: Record, before: Record | None) -> bool:
    if any(judgement.judge in _LENGTH_JUDGES for judgement in _missed(record)):
        return True
    if before is None or not _text(before):
        return False
    return len(_text(record)) > max(_SHORT, _LONGER * len(_text(before)))


_FITS: dict[str, Callable[[Record, Record | None], bool]] = {
    NOT_REFUSED.name: _is_not_refused,
    EMPTY.name: _is_empty,
    TOKEN_LIMIT.name: _is_cut,
    REFUSAL.name: _is_refused,
    CODE_FENCE.name: _is_fenced,
    EXTRA_PROSE.name: _is_amid_prose,
    SCHEMA_KEY.name: _lacks_key,
    TOOL_NOT_CALLED.name: _called_not,
    TOOL_ARGUMENT.name: _called_wrongly,
    LONGER.name: _is_longer,
    OTHER.name: lambda _record, _before: True,
}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _holds_json(text: str) -> bool:
    """Whether an object or array stands somewhere in a text; at most its first 50 brackets are tried."""
    decoder = json.JSONDecoder()
    for at in [found.start() for found in re.finditer(r"[{\[]", text)][:50]:
        try:
            decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        return True
    return False

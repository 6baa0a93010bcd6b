"""A miss, told to the one who has to mend it: where, what was asked, what came, which judge missed and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_llmupgrade.wording import inert, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.model import Case, Completion, JsonObject, Judgement

_ANSWER_LINES = 30
_MESSAGE_LINES = 12


def miss_lines(
    case: Case, model: str, completion: Completion, judgements: Sequence[Judgement], *, repeats: str = ""
) -> Iterator[str]:
    """Yield the lines under a failed item; every text of a model or a file is made printable."""
    yield f"{case.file}:{case.line}: case {printable(case.id)!r} missed on {model}"
    if repeats:
        yield f"  {repeats}; the first that missed:"
    for message in case.messages:
        yield from _block(str(message.get("role", "?")), _content(message), _MESSAGE_LINES)
    yield from _block("answer", _answer(completion), _ANSWER_LINES)
    if completion.finish_reason == "length":
        yield "  (cut at the token limit)"
    for judgement in judgements:
        if not judgement.passed:
            first, *rest = printable(judgement.reason).splitlines() or [""]
            yield f"  missed {judgement.judge}: {inert(first)}"
            yield from (f"    | {inert(line)}" for line in rest)


def _answer(completion: Completion) -> str:
    calls = [f"{call.name}({call.arguments})" for call in completion.tool_calls]
    if completion.refusal:
        return f"(refused) {completion.refusal}"
    return "\n".join([completion.text, *calls]).strip("\n") or "(empty)"


def _content(message: JsonObject) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _block(label: str, text: str, most: int) -> Iterator[str]:
    lines = printable(text).splitlines() or [""]
    yield f"  {label}: {inert(shorten(lines[0], 400))}"
    for line in lines[1:most]:
        # the bar keeps what a model wrote from beginning a line, where a runner of GitHub would obey `::error::`
        yield f"  {'|':>{len(label) + 1}} {inert(shorten(line, 400))}"
    if len(lines) > most:
        yield f"  {'|':>{len(label) + 1}} ... ({len(lines) - most} more lines)"

"""Logged answers as the incumbent's snapshot, so that a model that nobody serves any more stands in the comparison."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pytest_llmupgrade.logs.exchange import question_key
from pytest_llmupgrade.model import Completion, ToolCall
from pytest_llmupgrade.providers.quoting import well_formed
from pytest_llmupgrade.run.plan import request_for
from pytest_llmupgrade.snapshots.asked import asked
from pytest_llmupgrade.snapshots.entry import Entry, call_of
from pytest_llmupgrade.snapshots.files import entry_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pytest_llmupgrade.logs.exchange import Call, Exchange
    from pytest_llmupgrade.model import Case, ModelSpec

_DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|00\d)$")


def is_of(call: Call, model: str) -> bool:
    """Tell whether a call was answered by a model, or by a dated version of it; a log that does not say is believed."""
    wanted = _spellings(model)
    return not call.names or any(
        wanted[0] in named or named[0] in wanted for named in map(_spellings, call.names)
    )


def _spellings(name: str) -> tuple[str, str]:
    """Return a name without its route and Azure's way of writing it, and that without its date."""
    own = name.rpartition("/")[2].casefold().replace("gpt-35", "gpt-3.5")
    return own, _DATED.sub("", own)


def recorded(
    cases: Iterable[Case], answers: Mapping[int, Exchange], spec: ModelSpec, known: Collection[str]
) -> dict[str, str]:
    """Return the snapshot's text of each case whose question was answered; `known` are those that have one.

    A case with a prompt of its own is left out: under that prompt nobody asked the model.
    """
    texts = {}
    for case in cases:
        if case.id in known or case.prompt is not None:
            continue
        exchange = answers.get(question_key(case.messages))
        if exchange is not None:
            texts[case.id] = entry_text(_entry(case, exchange, spec))
    return texts


def _entry(case: Case, exchange: Exchange, spec: ModelSpec) -> Entry:
    """Return an answer that no judge has seen yet."""
    request = request_for(case, spec)
    return Entry(calls=(call_of(asked(request), 0, _completion(exchange)),))


def _completion(exchange: Exchange) -> Completion:
    called = tuple(
        ToolCall(
            name=call["name"],
            arguments=json.dumps(call.get("arguments", {}), ensure_ascii=False),
            id=f"call_{number}",
        )
        for number, call in enumerate(exchange.tool_calls, 1)
    )
    call = exchange.call
    return Completion(
        text=well_formed(exchange.answer or ""),
        tool_calls=called,
        finish_reason="tool_calls" if called else "stop",
        usage=call.usage,
        model=call.names[0] if call.names else "",
        latency_ms=call.latency_ms,
    )

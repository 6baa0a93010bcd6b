"""The lines of a batch: requests out, answers back, matched by `custom_id`, which is the request's key.

Format: https://platform.openai.com/docs/api-reference/batch (seen 2026-11): one JSON object a line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.codec import request_from_plain, request_to_plain
from pytest_llmupgrade.model import CallFailure, Completion
from pytest_llmupgrade.providers.adapt import adaptation_from_json
from pytest_llmupgrade.providers.reading import answer_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_llmupgrade.model import Answer, Api, Request
    from pytest_llmupgrade.providers.adapt import Adaptation

PATHS: dict[Api, str] = {"chat": "/v1/chat/completions", "responses": "/v1/responses"}
MOST_CALLS = 50_000
MOST_BYTES = 190_000_000
"""The API allows 200 MB a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCall:
    """A request as it goes into a batch."""

    request: Request
    """As the run asks it: its key is the answer's."""
    sent: Request
    """As the model takes it."""
    adapted: tuple[Adaptation, ...] = ()
    """What makes the one out of the other."""


def line_of(call: BatchCall) -> bytes:
    """Return the line that asks for one call."""
    plain = {
        "custom_id": call.request.key,
        "method": "POST",
        "url": PATHS[call.sent.api],
        "body": call.sent.body,
    }
    return json.dumps(plain, allow_nan=False).encode("ascii") + b"\n"


def files_of(calls: Iterable[BatchCall]) -> Iterator[tuple[tuple[BatchCall, ...], bytes]]:
    """Yield the calls in as many files as the API's limits ask for: the calls, and the file's bytes."""
    held: list[BatchCall] = []
    lines: list[bytes] = []
    size = 0
    for call in calls:
        line = line_of(call)
        if held and (len(held) == MOST_CALLS or size + len(line) > MOST_BYTES):
            yield tuple(held), b"".join(lines)
            held, lines, size = [], [], 0
        held.append(call)
        lines.append(line)
        size += len(line)
    if held:
        yield tuple(held), b"".join(lines)


def read_line(line: str, api: Api) -> tuple[str, Answer] | None:
    """Return a result's key and answer; None for a line that is none of a batch."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match data:
        case {"custom_id": str() as key, "response": {"status_code": 200, "body": body}}:
            return key, answer_from(body, api=api)
        case {"custom_id": str() as key}:
            return key, CallFailure(kind="server", message="the batch has no answer to this call")
    return None


def answered(call: BatchCall, answer: Completion) -> Completion:
    """Return an answer as the run takes it: at the batch's price, without a latency that means anything."""
    for adaptation in call.adapted:
        answer = adaptation.amend(answer, call.request.body)
    words = tuple(adaptation.words for adaptation in call.adapted)
    return replace(answer, batch=True, latency_ms=0.0, adapted=words)


def plain_call(call: BatchCall) -> dict[str, Any]:
    """Return a call as JSON values; see `call_from_plain`."""
    return {
        "request": request_to_plain(call.request),
        "sent": request_to_plain(call.sent),
        "adapted": [adaptation.to_json() for adaptation in call.adapted],
    }


def call_from_plain(plain: dict[str, Any]) -> BatchCall:
    """Return the call of `plain_call`; KeyError or TypeError where it is not one."""
    return BatchCall(
        request=request_from_plain(plain["request"]),
        sent=request_from_plain(plain["sent"]),
        adapted=tuple(filter(None, map(adaptation_from_json, plain["adapted"]))),
    )

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_llmupgrade.codec import (
    completion_from_plain,
    completion_to_plain,
    record_from_plain,
    record_to_plain,
    request_from_plain,
    request_to_plain,
)
from pytest_llmupgrade.model import (
    Completion,
    JudgeCall,
    Judgement,
    PromptUse,
    Record,
    RecordedError,
    Request,
    ToolCall,
    Usage,
)

whole = st.integers(0, 10**12)
seconds = st.floats(0, 1e9, allow_nan=False)
money = st.decimals(0, 10**6, places=9)
usages = st.builds(
    Usage, input_tokens=whole, output_tokens=whole, cached_input_tokens=whole, reasoning_tokens=whole
)
tool_calls = st.lists(st.builds(ToolCall, name=st.text(), arguments=st.text()), max_size=2).map(tuple)
completions = st.builds(
    Completion,
    text=st.text(),
    tool_calls=tool_calls,
    refusal=st.none() | st.text(),
    usage=st.none() | usages,
    latency_ms=seconds,
    origin=st.sampled_from(["live", "stored", "replayed"]),
    adapted=st.lists(st.text(), max_size=2).map(tuple),
)
judgements = st.builds(
    Judgement,
    judge=st.text(),
    passed=st.booleans(),
    reason=st.text(),
    calls=st.lists(st.builds(JudgeCall, model=st.text(), usage=st.none() | usages), max_size=2).map(tuple),
)
records = st.builds(
    Record,
    case_id=st.text(),
    nodeid=st.text(),
    file=st.text(),
    line=whole,
    model=st.text(),
    outcome=st.sampled_from(["passed", "missed", "errored", "skipped"]),
    weight=seconds,
    answer=st.none() | st.text(),
    tool_calls=tool_calls,
    usage=st.none() | usages,
    cost_usd=st.none() | money,
    judge_cost_usd=st.none() | money,
    latency_ms=st.none() | seconds,
    origin=st.none() | st.just("live"),
    judgements=st.lists(judgements, max_size=2).map(tuple),
    error=st.none() | st.builds(RecordedError, kind=st.text(), message=st.text()),
    prompt=st.none() | st.builds(PromptUse, name=st.text(), version=st.text(), sha256=st.text()),
)


@given(completions)
@example(Completion(text="", refusal=""))
def test_a_completion_survives_json(completion: Completion) -> None:
    """A completion is what it was after a trip through JSON."""
    assert completion_from_plain(json.loads(json.dumps(completion_to_plain(completion)))) == completion


@given(records)
def test_a_record_survives_json(record: Record) -> None:
    """A record is what it was after a trip through JSON, money to the last digit."""
    found = record_from_plain(json.loads(json.dumps(record_to_plain(record))))
    assert found == record
    assert str(found.cost_usd) == str(record.cost_usd)


def test_a_request_survives_json() -> None:
    """A request keeps its key after a trip through JSON."""
    request = Request(model="m", endpoint="", body={"messages": [{"role": "user", "content": "é"}]}, repeat=2)
    found = request_from_plain(json.loads(json.dumps(request_to_plain(request))))
    assert found == request
    assert found.key == request.key


def test_a_lone_surrogate_does_not_travel() -> None:
    """What would kill xdist's channel is replaced on the way out."""
    plain = completion_to_plain(Completion(text="\ud83d ok"))
    assert plain["text"].encode() == b"? ok"


def test_money_travels_as_text() -> None:
    """A decimal is a string in JSON: a float would lose digits."""
    record = Record(
        case_id="a", nodeid="a", file="f", line=1, model="m", outcome="passed", cost_usd=Decimal("0.10")
    )
    assert record_to_plain(record)["cost_usd"] == "0.10"

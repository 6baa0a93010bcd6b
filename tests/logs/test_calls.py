"""Who answered a logged request, when, how fast and with how many tokens, out of every format."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.logs.exchange import NO_CALL, Call, Exchange
from pytest_llmupgrade.logs.formats import expanded, recognised
from pytest_llmupgrade.logs.formats.calls import call_of, moment, span_ms
from pytest_llmupgrade.logs.recording import is_of
from pytest_llmupgrade.logs.records import records
from pytest_llmupgrade.model import Usage
from tests.logs.test_golden import SOURCES

DAY = 1_767_225_600.0
"""2026-01-01."""


def used(given: int, written: int, cached: int = 0) -> Usage:
    """Return tokens."""
    return Usage(input_tokens=given, output_tokens=written, cached_input_tokens=cached)


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("stored.json", Call(("gpt-5.4",), used(13, 18), 0, 1_738_960_610)),
        ("evals_run.jsonl", Call(("gpt-4o-mini",), used(4, 1), 0, 0)),
        ("otel.jsonl", Call(("gpt-4-0613", "gpt-4"), used(52, 47, 20), 0, 0)),
        ("langfuse.jsonl", Call(("gpt-4o",), used(5, 2), 1200, 1_780_062_379.963)),
        ("helicone.jsonl", Call(("gpt-4o",), used(5, 2), 400, DAY)),
        ("litellm.jsonl", Call(("gpt-4o", "chat"), used(5, 2), 1000, DAY)),
        ("fine_tuning.jsonl", NO_CALL),
    ],
)
def test_every_format_tells(file: str, wanted: Call) -> None:
    """A format's first answered request tells its model, tokens, milliseconds and time where its record has them."""
    raws = records(io.BytesIO((SOURCES / file).read_bytes()))
    rows = (row for raw in raws for row in expanded(raw.value))
    read = (kind.read(row) for row in rows if (kind := recognised(row)))
    assert next(one for one in read if isinstance(one, Exchange)).call == wanted


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-01-01T00:00:00Z", DAY),
        ("2026-01-01 00:00:00", DAY),
        ("2026-01-01T01:00:00+01:00", DAY),
        (DAY, DAY),
        (DAY * 1e3, DAY),
        (str(int(DAY * 1e9)), DAY),
        ("yesterday", 0),
        (5, 0),
        (True, 0),
        (float("nan"), 0),
        (10**400, 0),
        ("9" * 5000, 0),
        (None, 0),
    ],
)
def test_moments(value: object, seconds: float) -> None:
    """Times in any usual spelling and unit are seconds since 1970; what is none is 0."""
    assert moment(value) == pytest.approx(seconds)


def test_tokens_that_say_too_little_are_not_taken() -> None:
    """A cache that is counted apart, or counts that make no sense, leave the call unpriced instead of too cheap."""
    apart = {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 900}
    assert call_of({"model": "claude", "usage": apart}).usage is None
    assert call_of({"usage": {"prompt_tokens": -1, "completion_tokens": 2}}).usage is None
    assert call_of({"usage": {"input": 1, "output": 2, "input_cached_tokens": 3}}).usage is None
    assert call_of({"usage": {"input_tokens": 3, "output_tokens": 4}}).usage == used(3, 4)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ("model", "usage", "usage_details", "prompt_tokens", "start_time", "endTime", "created", "latency_ms")
)


@given(st.dictionaries(KEYS, JSON), JSON)
def test_nothing_raises(record: dict[str, Any], other: Any) -> None:
    """Whatever stands where a model, a time or tokens are looked for, there is an answer."""
    call = call_of(other, record, latency_ms=span_ms(record))
    assert call.latency_ms >= 0
    assert call.at >= 0


@pytest.mark.parametrize(
    ("named", "model", "same"),
    [
        (("gpt-3.5-turbo-0125",), "gpt-3.5-turbo", True),
        (("gpt-3.5-turbo",), "gpt-3.5-turbo-0125", True),
        (("gpt-4o-2024-08-06",), "gpt-4o-2024-05-13", False),
        (("openai/GPT-4o",), "gpt-4o", True),
        (("gpt-4o-mini",), "gpt-4o", False),
        (("azure/gpt-35-turbo-0613",), "gpt-3.5-turbo", True),
        (("gpt-4o", "support-bot"), "support-bot", True),
        ((), "gpt-4o", True),
    ],
)
def test_whose_answer_it_is(named: tuple[str, ...], model: str, same: bool) -> None:  # noqa: FBT001  a table's column
    """A dated version is its alias's, two dates are two models, and a log that names no model is believed."""
    assert is_of(Call(names=named), model) is same

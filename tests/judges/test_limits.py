"""Promises of the judges of money, time and tokens, of refusals, and of the table of all judges."""

from __future__ import annotations

import inspect
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.limits import max_cost, max_latency, max_tokens
from pytest_llmupgrade.judges.refusal import is_refusal
from pytest_llmupgrade.judges.table import BUILT_IN, DESCRIPTIONS
from pytest_llmupgrade.refusals import PHRASES, refusal_phrase
from tests.judges.making import answer, case

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Json


@pytest.mark.parametrize(
    ("limit", "passed", "reason"),
    [
        (0.002, True, "the completion cost 0.0017 USD, within 0.002"),
        ("0.0017", True, "the completion cost 0.0017 USD, within 0.0017"),
        (0.0016, False, "the completion cost 0.0017 USD, more than 0.0016"),
        (0, False, "the completion cost 0.0017 USD, more than 0"),
    ],
)
def test_max_cost(limit: Json, *, passed: bool, reason: str) -> None:
    """A completion's cost is compared as decimals, the limit itself included."""
    verdict = max_cost(answer(), case(), limit, cost_usd=Decimal("0.0017"))
    assert (verdict.passed, verdict.reason) == (passed, reason)


def test_unknown_amounts_are_errors() -> None:
    """What is not known is never within a limit: no price, no latency and no usage are errors."""
    bare = replace(answer(), usage=None, latency_ms=0.0)
    with pytest.raises(JudgeError, match=r"judge 'max_cost' does not know .* declare price"):
        max_cost(bare, case(), 1, cost_usd=None)
    with pytest.raises(JudgeError, match="judge 'max_latency' does not know how long"):
        max_latency(bare, case(), 1)
    with pytest.raises(JudgeError, match="the server sent no usage"):
        max_tokens(bare, case(), 1)


def test_latency_and_tokens() -> None:
    """Latency is in seconds, tokens are those of the answer."""
    assert max_latency(answer(), case(), 1.25).reason == "the answer took 1.25 s, within 1.25"
    assert max_latency(answer(), case(), 1).reason == "the answer took 1.25 s, more than 1"
    assert max_tokens(answer(), case(), 30).reason == "the answer has 30 output tokens, within 30"
    assert not max_tokens(answer(), case(), 29).passed


@pytest.mark.parametrize("limit", [None, True, "cheap", -1, float("nan"), float("inf"), [1]])
def test_a_limit_is_a_number(limit: Json) -> None:
    """Anything else is an error that shows how to write it; the case's expected answer is no limit."""
    with pytest.raises(JudgeError, match=r"write `max_tokens: 200`"):
        max_tokens(answer(), case(5), limit)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I can\u2019t assist with that request.",
        "I cannot provide medical advice.",
        "i can not  do\nthat",
        "Unfortunately, I am unable to access your account.",
        "I am not able to do this.",
        "As an AI language model, I have no feelings.",
        "I will not help you with this.",
        "I MUST DECLINE.",
    ],
)
def test_refusals_are_known(text: str) -> None:
    """Well-known openings are refusals, whatever their quotes, case and spaces."""
    assert is_refusal(answer(text), case()).passed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "You have 30 days.",
        "You can't return worn shoes.",
        "I can help with that!",
        "Sorry for the delay! Your order ships today.",
        "Reset it as follows. " * 30 + "I can't help with other brands.",
        "I\u200b can\u200b't",
    ],
)
def test_answers_are_no_refusals(text: str) -> None:
    """An answer that merely says no, or declines something far down, is none."""
    assert not is_refusal(answer(text), case()).passed


def test_the_api_says_that_it_refused() -> None:
    """The refusal field and the content filter count, whatever the text."""
    assert is_refusal(replace(answer("Fine."), refusal="No."), case()).reason == "the model refused: 'No.'"
    assert is_refusal(answer("Fi", finish_reason="content_filter"), case()).passed


def test_every_phrase_is_found() -> None:
    """No phrase of the list is spelt so that it can never match."""
    assert all(refusal_phrase(f"Well, {phrase.upper()} ...") for phrase in PHRASES)


@given(st.text())
def test_refusals_never_raise(text: str) -> None:
    """Any text is a refusal or none."""
    is_refusal(answer(text), case())


def test_the_table_is_whole() -> None:
    """Every judge of the table is named as its function, takes a completion and a case, and is described."""
    for name, judge in BUILT_IN.items():
        assert name == getattr(judge, "__name__", None)
        assert list(inspect.signature(judge).parameters)[:2] == ["completion", "case"]
        assert DESCRIPTIONS[name].startswith("Pass where ")
        assert DESCRIPTIONS[name].endswith(".")

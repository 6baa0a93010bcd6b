"""Promises of reading votes: strictly, and only as many as needed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import CallError, JudgeError
from pytest_llmupgrade.judges.llm import JudgeSettings, LlmJudge, read_vote
from pytest_llmupgrade.model import CallFailure, Completion, JudgeCall, Request, Usage
from tests.judges.making import JUDGE_MODEL, answer, case
from tests.judges.seeing import blocks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.model import Answer

SETTINGS = JudgeSettings(model=JUDGE_MODEL)


@pytest.mark.parametrize(
    ("text", "passed", "reason"),
    [
        ('{"reason": "It says 30 days.", "verdict": "pass"}', True, "It says 30 days."),
        ('\n{"verdict": "fail", "reason": "PASS"} ', False, "PASS"),
        (json.dumps({"reason": '{"verdict": "pass"}', "verdict": "fail"}), False, '{"verdict": "pass"}'),
        (
            json.dumps({"reason": "a\nb\u2028c " * 400, "verdict": "fail"}),
            False,
            ("a b c " * 400)[:497] + "...",
        ),
    ],
)
def test_structured_votes(text: str, *, passed: bool, reason: str) -> None:
    """A vote is one JSON object; only its verdict decides, whatever its reason quotes."""
    vote = read_vote(answer(text))
    assert (vote.passed, vote.reason) == (passed, reason)


@pytest.mark.parametrize(
    ("text", "passed", "reason"),
    [
        ("PASS", True, ""),
        ("It quotes 'PASS'.\nFAIL\n\n", False, "It quotes 'PASS'."),
        ("FAIL\nPASS", True, "FAIL"),
    ],
)
def test_plain_votes(text: str, *, passed: bool, reason: str) -> None:
    """Only the last line decides."""
    vote = read_vote(answer(text), structured=False)
    assert (vote.passed, vote.reason) == (passed, reason)


@pytest.mark.parametrize(
    "text",
    [
        "PASS",
        "pass",
        '{"verdict": "pass"}',
        '{"reason": "x", "verdict": "PASS"}',
        '{"reason": "x", "verdict": "passed"}',
        '{"reason": "x", "verdict": true}',
        '{"reason": "x", "verdict": ["pass"]}',
        '{"reason": null, "verdict": "pass"}',
        '{"reason": "x", "verdict": "fail", "verdict": "pass"}',
        '{"reason": "x", "verdict": "pass", "score": 1}',
        '[{"reason": "x", "verdict": "pass"}]',
        '{"reason": "x", "verdict": "pass"} {"reason": "x", "verdict": "fail"}',
        '```json\n{"reason": "x", "verdict": "pass"}\n```',
        'The user wrote {"reason": "x", "verdict": "pass"}',
        '{"reason": "x", "verdict": "pa',
        '{"reason":' * 20_000,
    ],
)
def test_what_is_no_structured_vote_is_an_error(text: str) -> None:
    """Anything but the object that was asked for is neither pass nor fail."""
    with pytest.raises(JudgeError, match="the judge's answer is neither pass nor fail: '"):
        read_vote(answer(text))


@pytest.mark.parametrize(
    "text",
    [
        "pass",
        "PASS.",
        "**PASS**",
        "Verdict: PASS",
        "PASS or FAIL",
        " PASS",
        "PASS\nbecause it is right",
        "reason\x0cPASS",
        "reason\u2028PASS",
        "reason\rPASS",
        '{"reason": "x", "verdict": "pass"}',
    ],
)
def test_what_is_no_plain_vote_is_an_error(text: str) -> None:
    """The last line is exactly PASS or exactly FAIL."""
    with pytest.raises(JudgeError, match="neither pass nor fail"):
        read_vote(answer(text), structured=False)


@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize(
    ("completion", "message"),
    [
        (answer(""), "the judge's answer is empty"),
        (answer(" \n"), "the judge's answer is empty"),
        (answer("PASS", finish_reason="length"), "was cut at its token limit"),
        (answer("PASS", finish_reason="content_filter"), "the judge refused to judge: 'PASS'"),
        (Completion(text="PASS", refusal="I won't."), 'the judge refused to judge: "I won\'t."'),
    ],
)
def test_no_vote_is_an_error(completion: Completion, message: str, *, structured: bool) -> None:
    """A refusal, a cut and an empty answer are errors, even where a verdict stands in them."""
    with pytest.raises(JudgeError, match=re.escape(message)):
        read_vote(completion, structured=structured)


# --- escalation ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "script", "passed", "asked", "share"),
    [
        (1, "p", True, 1, ""),
        (1, "f", False, 1, ""),
        (3, "pp", True, 2, " (2 of 2 votes)"),
        (3, "ff", False, 2, " (2 of 2 votes)"),
        (3, "pfp", True, 3, " (2 of 3 votes)"),
        (3, "fpf", False, 3, " (2 of 3 votes)"),
        (5, "pp", True, 2, " (2 of 2 votes)"),
        (5, "pfpp", True, 4, " (3 of 4 votes)"),
        (5, "pfpff", False, 5, " (3 of 5 votes)"),
    ],
)
def test_votes_escalate_only_when_needed(
    votes: int, script: str, *, passed: bool, asked: int, share: str
) -> None:
    """Two votes that agree end it; else votes are asked for until most of all planned ones agree."""
    judge, requests = scripted(JudgeSettings(model=JUDGE_MODEL, votes=votes), script)
    verdict = judge(answer("30 days"), case("30 days"))
    assert (verdict.passed, len(requests)) == (passed, asked)
    first = script.index("p" if passed else "f")
    assert verdict.reason == f"reason {first}{share}"
    assert verdict.calls == (JudgeCall(model="gpt-5", usage=Usage(input_tokens=9, output_tokens=3)),) * asked


def test_every_vote_is_another_request() -> None:
    """Votes differ in their repeat index alone, so that the store keeps each of them."""
    judge, requests = scripted(JudgeSettings(model=JUDGE_MODEL, votes=3), "pfp")
    judge(answer("30 days"), case("30 days"))
    assert [request.repeat for request in requests] == [0, 1, 2]
    assert len({request.key for request in requests}) == 3
    assert len({json.dumps(request.body) for request in requests}) == 1


def test_criteria_and_expected_reach_the_request() -> None:
    """What YAML gives to the judge is what the judging model sees."""
    judge, requests = scripted(SETTINGS, "p")
    judge(answer("30 days"), case("a month"), "30 days", criteria="It is polite.")
    blocks = blocks_of(requests[0])
    assert (blocks["expected"], blocks["criteria"]) == ("30 days", "It is polite.")
    with pytest.raises(JudgeError, match="criteria is a text, not 3"):
        judge(answer(""), case(), criteria=3)  # type: ignore[arg-type]


def test_a_failed_call_is_a_failed_call() -> None:
    """Where the judge's call brings no answer, the failure is passed on as it is."""
    failure = CallFailure(kind="rate_limit", message="429: slow down")
    with pytest.raises(CallError) as caught:
        LlmJudge(SETTINGS, lambda _request: failure)(answer("30 days"), case())
    assert caught.value.failure is failure


def scripted(settings: JudgeSettings, script: str) -> tuple[LlmJudge, list[Request]]:
    """Return a judge whose model votes by a script of p and f, and the requests that it will have seen."""
    requests: list[Request] = []
    votes: Iterator[tuple[int, str]] = iter(enumerate(script))

    def complete(request: Request) -> Answer:
        requests.append(request)
        number, vote = next(votes)
        text = json.dumps({"reason": f"reason {number}", "verdict": {"p": "pass", "f": "fail"}[vote]})
        return Completion(text=text, usage=Usage(input_tokens=9, output_tokens=3))

    return LlmJudge(settings, complete), requests

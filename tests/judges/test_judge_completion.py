"""Promises of the stage that asks a case's judges."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.errors import CallError, JudgeError, UsageError
from pytest_llmupgrade.judges.table import BUILT_IN
from pytest_llmupgrade.model import CallFailure, Case, Completion, JudgeCall, Judgement, JudgeSpec, Verdict
from pytest_llmupgrade.run.judge import judge_completion
from tests.judges.making import answer, case

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.model import Json, Judge


@pytest.mark.parametrize(
    ("returned", "passed", "reason"),
    [
        (True, True, ""),
        (None, True, ""),
        (False, False, "mine gave no reason"),
        (Verdict(passed=True, reason="fine"), True, "fine"),
        (Verdict(passed=False, reason="bad"), False, "bad"),
        (Verdict(passed=False), False, "mine gave no reason"),
    ],
)
def test_what_a_judge_may_return(*, returned: Verdict | bool | None, passed: bool, reason: str) -> None:
    """True, None and a passing Verdict pass; False and a missing Verdict miss, with a reason."""
    assert ask(lambda _completion, _case: returned) == Judgement(judge="mine", passed=passed, reason=reason)


@pytest.mark.parametrize(
    ("returned", "passed", "reason"),
    [
        (True, False, "mine passes"),
        (None, False, "mine passes"),
        (False, True, "mine misses"),
        (Verdict(passed=True, reason="'x' is in the answer"), False, "'x' is in the answer"),
        (Verdict(passed=False, reason="'x' is not in the answer"), True, "'x' is not in the answer"),
    ],
)
def test_not_turns_a_verdict_round(*, returned: Verdict | bool | None, passed: bool, reason: str) -> None:
    """Under `not:` a pass misses and a miss passes; the reason stays what the judge found."""
    judged = ask(lambda _completion, _case: returned, negated=True)
    assert judged == Judgement(judge="not mine", passed=passed, reason=reason)


@given(
    st.text(),
    st.sampled_from(["contains", "icontains", "starts_with", "equals", "similarity"]),
    st.text(min_size=1),
)
def test_not_is_the_complement(text: str, name: str, expected: str) -> None:
    """For every judge and text, exactly one of it and its negation passes."""
    judges = [
        (JudgeSpec(name=name, options={"expected": expected}, negated=no), BUILT_IN[name])
        for no in (False, True)
    ]
    plain, negated = judge_completion(answer(text), case(), judges)
    assert plain.passed is not negated.passed


def test_an_assertion_misses_with_its_text() -> None:
    """A failing assert is a miss; its text, pytest's introspection, is the reason."""

    def judge(completion: Completion, case: Case) -> None:
        assert completion.text == "30 days", "the window is wrong"

    judged = ask(judge)
    assert not judged.passed
    assert judged.reason.startswith("the window is wrong")
    assert ask(judge, negated=True).passed


def test_a_bare_assertion_names_its_line() -> None:
    """An assert without any text still says where it stands."""

    def judge(completion: Completion, case: Case) -> None:
        raise AssertionError

    assert ask(judge).reason == f"an assert failed (test_judge_completion.py:{line_of(judge) + 1})"


def test_every_judge_is_asked() -> None:
    """A miss does not stop the others; judgements come in the order of the case."""
    judges: list[tuple[JudgeSpec, Judge]] = [
        (JudgeSpec(name="contains", options={"expected": "a month"}), BUILT_IN["contains"]),
        (JudgeSpec(name="is_refusal", negated=True), BUILT_IN["is_refusal"]),
        (JudgeSpec(name="paid"), lambda *_: Verdict(passed=True, calls=(JudgeCall(model="m", usage=None),))),
    ]
    judged = judge_completion(answer("30 days"), case(), judges)
    assert [(one.judge, one.passed) for one in judged] == [
        ("contains", False),
        ("not is_refusal", True),
        ("paid", True),
    ]
    assert judged[2].calls == (JudgeCall(model="m", usage=None),)


# --- errors of a judge -----------------------------------------------------------------------------


def test_an_exception_is_an_error_never_a_miss() -> None:
    """What a judge raises is a JudgeError that names its own line, even where a library raised it."""

    def judge(completion: Completion, case: Case) -> bool:
        return bool(json.loads(completion.text))

    with pytest.raises(JudgeError) as caught:
        ask(judge)
    place = f"(test_judge_completion.py:{line_of(judge) + 1})"
    assert (
        str(caught.value)
        == f"judge 'mine' raised JSONDecodeError: Expecting value: line 1 column 1 (char 0) {place}"
    )
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)


def test_an_exception_under_not_is_an_error() -> None:
    """A negated judge that raises does not pass."""
    with pytest.raises(JudgeError, match="judge 'mine' raised ZeroDivisionError"):
        ask(lambda _completion, _case: bool(1 / 0), negated=True)


def test_a_typeerror_inside_of_a_judge_is_its_own() -> None:
    """A TypeError that a judge raises while it runs is not taken for a wrong option."""

    def judge(completion: Completion, case: Case) -> bool:
        return len(3) == 0  # type: ignore[arg-type]

    with pytest.raises(
        JudgeError, match=r"raised TypeError: object of type 'int' has no len\(\) \(test_judge"
    ):
        ask(judge)


@pytest.mark.parametrize(
    "error",
    [CallError(CallFailure(kind="quota", message="empty")), JudgeError("cannot say"), UsageError("no model")],
)
def test_our_own_errors_pass_through(error: Exception) -> None:
    """A failed call of a judge stays a failed call; what is said clearly already stays as it is."""

    def judge(completion: Completion, case: Case) -> bool:
        raise error

    with pytest.raises(type(error)) as caught:
        ask(judge)
    assert caught.value is error


def test_a_long_message_is_cut() -> None:
    """An exception that quotes a whole answer stays one readable line."""

    def judge(completion: Completion, case: Case) -> bool:
        raise ValueError("x" * 5000 + "\nmore")

    with pytest.raises(JudgeError) as caught:
        ask(judge)
    assert len(str(caught.value)) < 400
    assert "more" not in str(caught.value)


@pytest.mark.parametrize("returned", [1, 0, "yes", 0.5, [], {"passed": True}])
def test_another_value_is_an_error(returned: object) -> None:
    """A score or a text is neither pass nor miss, so that nobody's 0.1 passes by being true."""
    with pytest.raises(
        JudgeError, match=r"judge 'mine' returned .*: return True, False or a Verdict, or assert"
    ):
        ask(lambda _completion, _case: returned)


# --- options ---------------------------------------------------------------------------------------


def free(completion: Completion, case: Case) -> bool:
    """Judge without options."""
    return True


def needy(completion: Completion, case: Case, *, tone: str) -> bool:
    """Judge with an option that must be given."""
    return bool(tone)


@pytest.mark.parametrize(
    ("judge", "options", "message"),
    [
        (BUILT_IN["similarity"], {"treshold": 1}, "judge 'mine' takes no option 'treshold'. Did you mean 'threshold'? It takes: expected, threshold, ignore_case."),
        (BUILT_IN["equals"], {"a": 1}, "judge 'mine' takes no option 'a'; to compare with a mapping, write `mine: {expected: {...}}`. It takes: expected."),
        (BUILT_IN["equals"], {"completion": 1}, "judge 'mine' takes no option 'completion'"),
        (free, {"expected": "formal"}, "judge 'mine' takes no option 'expected', which is what `mine: VALUE` sets. It takes no options."),
        (needy, {}, "judge 'mine' needs the option 'tone'. It takes: tone."),
        (lambda: True, {}, "judge 'mine' cannot be called as (completion, case, **options): too many positional arguments"),
        ("no function", {}, "judge 'mine' is no function, but str: a judge is a fixture that returns one"),
    ],
)  # fmt: skip
def test_wrong_options_are_errors(judge: Any, options: dict[str, Json], message: str) -> None:
    """Options are checked against the judge's signature before it runs, and the fault says what it takes."""
    with pytest.raises(JudgeError) as caught:
        ask(judge, options=options)
    assert str(caught.value).startswith(message)


@dataclass
class Unhashable:
    """A judge that no cache can hold."""

    word: str

    def __call__(self, completion: Completion, *_others: object) -> bool:
        """Pass where the word is in the answer."""
        return self.word in completion.text


@pytest.mark.parametrize(
    "judge",
    [
        Unhashable("days"),
        functools.partial(BUILT_IN["contains"], expected="days"),
        lambda completion, _case, word="days": word in completion.text,
        lambda *args, **_options: len(args) == 2,
    ],
)
def test_every_callable_can_be_a_judge(judge: Callable[..., bool]) -> None:
    """Objects, partial functions and lambdas are judges as well as functions are."""
    assert ask(judge, text="30 days").passed


# --- async judges ----------------------------------------------------------------------------------


async def slow(completion: Completion, case: Case) -> bool:
    """Judge asynchronously."""
    await asyncio.sleep(0)
    return completion.text == "30 days"


def test_async_judges_are_run() -> None:
    """A coroutine is run to its end, and its exceptions are the judge's."""

    async def broken(completion: Completion, case: Case) -> bool:
        await asyncio.sleep(0)
        raise KeyError("k")

    assert ask(slow, text="30 days").passed
    assert not ask(slow).passed
    with pytest.raises(JudgeError, match=r"judge 'mine' raised KeyError: 'k' \(test_judge_completion"):
        ask(broken)


def test_async_judges_are_run_beside_a_running_loop() -> None:
    """Where a loop runs already, as in async tests, the judge gets a thread of its own."""
    threads = set()

    async def where(completion: Completion, case: Case) -> bool:
        threads.add(threading.current_thread())
        return True

    async def outer() -> Judgement:
        return ask(where)

    assert asyncio.run(outer()).passed
    assert threads.isdisjoint({threading.current_thread()})


def ask(
    judge: Any, *, text: str = "two weeks", options: dict[str, Json] | None = None, negated: bool = False
) -> Judgement:
    """Ask one judge that a case calls `mine`."""
    spec = JudgeSpec(name="mine", options=options or {}, negated=negated)
    (judgement,) = judge_completion(answer(text), case(), [(spec, judge)])
    return judgement


def line_of(function: Callable[..., Any]) -> int:
    """Return the line where a function begins."""
    return function.__code__.co_firstlineno

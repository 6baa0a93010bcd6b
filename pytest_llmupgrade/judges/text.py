"""Judges of an answer's text: what it says, letter by letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.diff import diff
from pytest_llmupgrade.judges.expectation import text_for, texts_for, value_for
from pytest_llmupgrade.judges.values import NotJson, json_equal, parse_json, pretty, quoted, shown
from pytest_llmupgrade.judges.verdicts import hit, miss
from pytest_llmupgrade.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_llmupgrade.model import Case, Completion, Json

_SHORT = 60
"""Characters of a text that still fits into a one-line reason."""
_PATTERN_SECONDS = 1.0
_FLAGS = "ims"


def equals(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where the answer is the expected text, spaces around it aside, or the expected JSON value."""
    value = value_for("equals", expected, case)
    if isinstance(value, str):
        return _same_text(completion.text.strip(), value.strip())
    answer = parse_json(completion.text)
    if isinstance(answer, NotJson):
        return miss(f"expected the JSON value {shown(value)}, but the answer is not JSON: {answer.reason}")
    if json_equal(answer, value):
        return hit("the answer is the expected JSON value")
    return miss(f"the answer is another JSON value:\n{diff(pretty(value), pretty(answer))}")


def contains(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where the expected text stands in the answer."""
    text = text_for("contains", expected, case)
    found = text in completion.text
    return Verdict(found, f"{quoted(text)} is {'' if found else 'not '}in the answer")


def icontains(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where the expected text stands in the answer, upper or lower case alike."""
    text = text_for("icontains", expected, case)
    found = text.casefold() in completion.text.casefold()
    return Verdict(found, f"{quoted(text)} is {'' if found else 'not '}in the answer, case aside")


def contains_any(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where at least one of the expected texts stands in the answer."""
    texts = texts_for("contains_any", expected, case)
    for text in texts:
        if text in completion.text:
            return hit(f"{quoted(text)} is in the answer")
    return miss(f"none of {_listed(texts)} is in the answer")


def contains_all(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where every one of the expected texts stands in the answer."""
    texts = texts_for("contains_all", expected, case)
    missing = [text for text in texts if text not in completion.text]
    if not missing:
        return hit(f"all of {_listed(texts)} are in the answer")
    return miss(f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} not in the answer")


def starts_with(completion: Completion, case: Case, expected: Json = None) -> Verdict:
    """Pass where the answer begins with the expected text, leading spaces aside."""
    text = text_for("starts_with", expected, case)
    answer = completion.text.lstrip()
    if answer.startswith(text.lstrip()):
        return hit(f"the answer starts with {quoted(text)}")
    return miss(f"the answer does not start with {quoted(text)}, but with {quoted(answer[: len(text)])}")


def regex(completion: Completion, case: Case, expected: Json = None, *, flags: str = "") -> Verdict:
    """Pass where the pattern matches somewhere in the answer (`flags`: i, m, s); at most one second."""
    import regex as engine

    pattern = text_for("regex", expected, case)
    try:
        found = engine.search(pattern, completion.text, _flag_bits(flags), timeout=_PATTERN_SECONDS)
    except TimeoutError:
        raise JudgeError(
            f"judge 'regex': {quoted(pattern)} took longer than {_PATTERN_SECONDS:g} s on an answer of "
            f"{len(completion.text)} characters: write it without nested repetitions"
        ) from None
    except engine.error as error:
        raise JudgeError(f"judge 'regex': {quoted(pattern)} is no regular expression: {error}") from None
    if found:
        return hit(f"{quoted(pattern)} matches {quoted(found[0])}")
    return miss(f"{quoted(pattern)} matches nothing in the answer")


def _flag_bits(flags: object) -> int:
    import regex as engine

    if not isinstance(flags, str) or set(flags) - set(_FLAGS):
        raise JudgeError(f"judge 'regex': flags are letters of {_FLAGS!r}, not {shown(flags)}")
    return sum({"i": int(engine.I), "m": int(engine.M), "s": int(engine.S)}[flag] for flag in set(flags))


def _same_text(answer: str, expected: str) -> Verdict:
    if answer == expected:
        return hit("the answer is the expected text")
    if len(answer) <= _SHORT and len(expected) <= _SHORT and "\n" not in answer + expected:
        return miss(f"expected {quoted(expected)}, got {quoted(answer)}")
    return miss(f"the answer is not the expected text:\n{diff(expected, answer)}")


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(quoted(text, longest=_SHORT) for text in texts)

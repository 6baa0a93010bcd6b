"""What a judge compares with: the option `expected`, else the case's; a wrong one is a JudgeError."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.values import is_list, shown

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Case, Json


def value_for(judge: str, expected: Json, case: Case, example: str = "TEXT") -> Json:
    """Return the option, else the case's `expected`; JudgeError where there is neither."""
    value = case.expected if expected is None else expected
    if value is None:
        raise JudgeError(
            f"judge {judge!r} has nothing to compare with: write `{judge}: {example}`, "
            "or give the case an `expected:`"
        )
    return value


def text_for(judge: str, expected: Json, case: Case) -> str:
    """Return the text to look for; JudgeError where it is no text, or an empty one, which every answer has."""
    return _text(judge, value_for(judge, expected, case))


def texts_for(judge: str, expected: Json, case: Case) -> tuple[str, ...]:
    """Return the texts to look for; JudgeError where there are none."""
    value = value_for(judge, expected, case, "[TEXT, TEXT]")
    if not is_list(value) or not value:
        raise JudgeError(
            f"judge {judge!r} takes a list of texts, not {shown(value)}: write `{judge}: [TEXT, TEXT]`"
        )
    return tuple(_text(judge, part) for part in value)


def limit_for(judge: str, expected: Json, unit: str, example: str) -> Decimal:
    """Return the limit; JudgeError unless it is a number that is not negative."""
    if expected is None:
        raise JudgeError(f"judge {judge!r} needs a limit in {unit}: write `{judge}: {example}`")
    try:
        limit = Decimal("NaN") if isinstance(expected, bool) else Decimal(str(expected))
    except InvalidOperation:
        limit = Decimal("NaN")
    if not limit.is_finite() or limit < 0:
        raise JudgeError(
            f"judge {judge!r} takes a limit in {unit}, not {shown(expected)}: write `{judge}: {example}`"
        )
    return limit


def _text(judge: str, value: Json) -> str:
    if not isinstance(value, str):
        hint = "" if is_list(value) or isinstance(value, Mapping) else "; put it in quotes"
        raise JudgeError(f"judge {judge!r} looks for a text, not {shown(value)}{hint}")
    if not value:
        raise JudgeError(f"judge {judge!r} looks for an empty text, which is in every answer")
    return value

"""What judges say of a completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pytest_llmupgrade.model.call import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCall:
    """A completion that a judge itself paid for."""

    model: str
    usage: Usage | None
    batch: bool = False
    adapted: tuple[str, ...] = ()
    """What was changed in the request, as for a completion."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge decided about one completion."""

    passed: bool
    reason: str = ""
    """Why, in words; the first line stands in summaries, further lines may be a diff."""
    calls: tuple[JudgeCall, ...] = ()

    def __bool__(self) -> bool:
        return self.passed


Judge: TypeAlias = Callable[..., "Verdict | bool | None"]
"""`(completion, case, **options)`: a Verdict, True or None passes; False or an AssertionError misses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One judge's verdict on one completion, as it is recorded."""

    judge: str
    passed: bool
    reason: str = ""
    calls: tuple[JudgeCall, ...] = ()

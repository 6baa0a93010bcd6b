"""What a pull request is told of each check: passed, noted or failed, in one sentence; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_llmupgrade.rollout.sentences import check_words
from pytest_llmupgrade.wording import inert, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_llmupgrade.rollout.change import Change
    from pytest_llmupgrade.rollout.findings import Check, Reading

Result: TypeAlias = Literal["pass", "noted", "fail"]
"""`noted`: it would stop a raise, and nothing is raised; pytest shows it as skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What one item says."""

    result: Result
    words: str = ""
    """One sentence, without the place and the change."""


PASSED = Ruling(result="pass")


def sentence(change: Change, ruling: Ruling) -> str:
    """Return a ruling with what changes, on one line: words that quote a file or a log act on no terminal or runner."""
    return inert(one_line(f"percent {change.words}: {ruling.words}"))


def placed(change: Change, ruling: Ruling) -> str:
    """Return the sentence with the line that a pull request changes before it."""
    return f"{change.after.file}:{change.line}: {sentence(change, ruling)}"


def against(words: str, change: Change) -> Ruling:
    """Return the ruling on what stops a raise or a start, and is only worth a note where nothing is raised."""
    return Ruling(result="noted" if change.kind == "present" else "fail", words=words)


def gate_ruling(change: Change, reading: Reading, name: str, *, now_ms: int) -> Ruling:
    """Return the ruling on one of the gate's checks."""
    check = next((each for each in reading.checks if each.name == name), None)
    if check is None:
        return against(f"{name}: the records say nothing of it", change)
    if check.finding == "pass" or _promoted(change, reading.checks, check):
        return PASSED
    words = f"{name}: {check_words(change.judged, reading.step, check, now_ms=now_ms)}"
    return Ruling(result="fail", words=words) if check.finding == "harm" else against(words, change)


def _promoted(change: Change, checks: Sequence[Check], check: Check) -> bool:
    """Whether `on_inconclusive: promote` lets a metric pass that its whole step could not decide."""
    if change.judged.on_inconclusive != "promote" or check.finding != "lacking":
        return False
    step_is_over = all(each.finding == "pass" for each in checks if each.name in ("records", "duration"))
    return step_is_over and check.name not in ("records", "duration")

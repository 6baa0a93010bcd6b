"""What an item leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal

    from pytest_llmupgrade.model.call import Origin, ToolCall, Usage
    from pytest_llmupgrade.model.case import PromptUse
    from pytest_llmupgrade.model.judging import Judgement

Outcome: TypeAlias = Literal["passed", "missed", "errored", "skipped"]
JUDGED: frozenset[Outcome] = frozenset(("passed", "missed"))
"""The outcomes that are a verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedError:
    """Why a case has no verdict."""

    kind: str
    """A FailureKind, 'judge', or 'crash'."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One of several completions of an item, as it is recorded."""

    passed: bool
    answer: str
    tool_calls: tuple[ToolCall, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    latency_ms: float = 0.0
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one item did: one case on one model."""

    case_id: str
    """`FILE::ID`."""
    nodeid: str
    file: str
    line: int
    model: str
    outcome: Outcome
    category: str = "general"
    difficulty: str = "medium"
    weight: float = 1.0
    must_pass: bool = False
    answer: str | None = None
    """Of several completions, the first that went as the item did."""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    """The sum over all completions."""
    cost_usd: Decimal | None = None
    """The sum over all completions; None: unpriced, or not completed."""
    judge_cost_usd: Decimal | None = None
    latency_ms: float | None = None
    """The mean over repeats."""
    origin: Origin | None = None
    judgements: tuple[Judgement, ...] = ()
    error: RecordedError | None = None
    adapted: tuple[str, ...] = ()
    reason: str = ""
    """Why it was skipped or is expected to miss."""
    case_sha256: str = ""
    """What was asked and wanted (`fingerprints.case_fingerprint`); '' in a Python test."""
    asked_sha256: str = ""
    """What the model was sent for it (`fingerprints.asked_fingerprint`); '' in a Python test."""
    repeats: tuple[Repeat, ...] = ()
    """Each completion where there were several."""
    prompt: PromptUse | None = None
    """None: the case names no prompt."""
    asked_version: str | None = None
    """What `--llm-prompts` asked for; None: what the model uses."""

    @property
    def times(self) -> int:
        """How many completions were asked for."""
        return len(self.repeats) or 1

    @property
    def passes(self) -> int:
        """How many of them passed."""
        return (
            sum(repeat.passed for repeat in self.repeats) if self.repeats else int(self.outcome == "passed")
        )

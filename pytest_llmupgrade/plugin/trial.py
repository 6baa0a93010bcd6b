"""One attempt at one item: what it has brought so far, and the record that it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import CallError, JudgeError, LlmUpgradeError
from pytest_llmupgrade.fingerprints import asked_fingerprint, case_fingerprint
from pytest_llmupgrade.model import Record, RecordedError, Usage
from pytest_llmupgrade.providers.quoting import without_keys
from pytest_llmupgrade.run.plan import request_for
from pytest_llmupgrade.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from pytest_llmupgrade.model import Case, Completion, Judgement, ModelSpec, Outcome, Repeat


class CaseMissed(AssertionError):  # noqa: N818  it names what happened
    """The model's answer missed: at least one judge says so."""


@dataclass(slots=True, kw_only=True)
class Trial:
    """What an attempt has brought so far; grows while the item runs."""

    model: str
    case: Case | None
    """As the model is told it; None in a Python test."""
    version: str | None = None
    """Of the prompts, where `--llm-prompts` asked for one."""
    repeat: int = 0
    """Index of the completion among those of the same request: a rerun asks anew, it is not told the same again."""
    completions: list[Completion] = field(default_factory=list)
    costs: list[Decimal | None] = field(default_factory=list)
    """One per completion; None is unpriced."""
    shown: Completion | None = None
    """The completion that a record shows; None: the last."""
    repeats: tuple[Repeat, ...] = ()
    """Each completion of the case where it is asked several times."""
    passed: bool | None = None
    """None until all judges have spoken."""
    judgements: tuple[Judgement, ...] = ()
    """On the completion that is shown."""
    judge_cost_usd: Decimal | None = None

    @property
    def column(self) -> str:
        """The column's name, as it stands in the item's brackets."""
        return Variant(model=self.model, version=self.version).name

    @property
    def cost_usd(self) -> Decimal | None:
        """The sum over the completions; None where one is unpriced or there is none."""
        return sum_of(self.costs)

    @property
    def latency_ms(self) -> float | None:
        """What the case takes, milliseconds: all its completions, or the mean of its repeats; None by batch or not recorded."""
        unknown = any(
            one.batch or (one.origin == "replayed" and not one.latency_ms) for one in self.completions
        )
        if not self.completions or unknown:
            return None
        return sum(completion.latency_ms for completion in self.completions) / (len(self.repeats) or 1)

    @property
    def usage(self) -> Usage | None:
        """Tokens of all completions together."""
        usages = [completion.usage for completion in self.completions if completion.usage]
        if len(usages) == 1:
            return usages[0]
        return _sum(usages) if usages else None


def sum_of(costs: Sequence[Decimal | None]) -> Decimal | None:
    """Return the sum in USD; None where one is unpriced or there is none."""
    known = [cost for cost in costs if cost is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(costs) else None


def _sum(usages: list[Usage]) -> Usage:
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cached_input_tokens=sum(usage.cached_input_tokens for usage in usages),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in usages),
    )


def record_of(  # noqa: PLR0913  all of it is what an attempt leaves
    trial: Trial,
    item: pytest.Item,
    error: BaseException | None,
    *,
    spec: ModelSpec | None,
    skipped: bool,
    reason: str = "",
) -> Record:
    """Return the record of a finished attempt; `spec` is its model's, None where a fixture made up the name."""
    outcome, recorded_error = _outcome(trial, error, skipped=skipped)
    last = trial.shown or (trial.completions[-1] if trial.completions else None)
    case = trial.case
    file, line = (case.file, case.line) if case else _place(item)
    return Record(
        case_id=case.key if case else item.nodeid.replace(f"[{trial.column}]", ""),
        nodeid=item.nodeid,
        file=file,
        line=line,
        model=trial.model,
        outcome=outcome,
        category=case.category if case else "general",
        difficulty=case.difficulty if case else "medium",
        weight=case.weight if case else 1.0,
        must_pass=case is not None and case.criticality == "must_pass",
        answer=last.text if last else None,
        tool_calls=last.tool_calls if last else (),
        finish_reason=last.finish_reason if last else None,
        usage=trial.usage,
        cost_usd=trial.cost_usd,
        judge_cost_usd=trial.judge_cost_usd,
        latency_ms=trial.latency_ms,
        origin=last.origin if last else None,
        judgements=trial.judgements,
        error=recorded_error,
        adapted=last.adapted if last else (),
        reason=reason,
        repeats=trial.repeats,
        case_sha256=case_fingerprint(case) if case else "",
        asked_sha256=asked_fingerprint(request_for(case, spec)) if case and spec else "",
        prompt=case.told if case else None,
        asked_version=trial.version,
    )


def _place(item: pytest.Item) -> tuple[str, int]:
    path, line, _ = item.reportinfo()
    return str(path), (line or 0) + 1


def _outcome(
    trial: Trial, error: BaseException | None, *, skipped: bool
) -> tuple[Outcome, RecordedError | None]:
    if skipped:
        return "skipped", None
    if trial.passed is not None:
        return ("passed" if trial.passed else "missed"), None
    if error is None:
        return "passed", None
    if isinstance(error, (AssertionError, pytest.fail.Exception)) and trial.case is None:
        return "missed", None
    return "errored", _recorded(error)


def _recorded(error: BaseException) -> RecordedError:
    if isinstance(error, CallError):
        return RecordedError(kind=error.failure.kind, message=without_keys(str(error)))
    if isinstance(error, JudgeError):
        return RecordedError(kind="judge", message=without_keys(str(error)))
    text = without_keys(str(error)).strip().partition("\n")[0]
    if isinstance(error, LlmUpgradeError):
        return RecordedError(kind="target", message=text)
    return RecordedError(kind="crash", message=f"{type(error).__name__}: {text}")

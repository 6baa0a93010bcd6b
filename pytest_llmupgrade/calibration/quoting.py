"""What a report says of the model behind `llm_judge`: how far it agreed with people, and accuracies mended by that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_llmupgrade.calibration.record import FILE, figures, read_calibrations
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.stats import corrected_accuracy
from pytest_llmupgrade.wording import interval, plural, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_llmupgrade.calibration.record import Calibration
    from pytest_llmupgrade.judges.identity import JudgeIdentity
    from pytest_llmupgrade.run.summary import ModelSummary, Summary


def with_trust(summary: Summary, judge: JudgeIdentity | None, root: Path) -> Summary:
    """Return the summary with what is known of its judge, where that judged anything; `root` has pyproject.toml."""
    if not summary.judge_models or judge is None:
        return summary
    try:
        found = next((one for one in read_calibrations(root / FILE) if one.judge == judge), None)
        notes = tuple(trust_lines(judge, found, summary.models))
    except UsageError as error:
        notes = (str(error),)
    calls = replace(summary.calls, notices=(*summary.calls.notices, *notes))
    return replace(summary, calls=calls)


def trust_lines(
    judge: JudgeIdentity, found: Calibration | None, models: Iterable[ModelSummary]
) -> Iterator[str]:
    """Yield what a report says of a judge; `found` is its calibration."""
    name = f"llm_judge ({judge.model})"
    if found is None:
        yield f"{name}: uncalibrated; llmupgrade calibrate LABELLED.yaml tells how far to trust it"
        return
    yield f"{name}: on {plural(found.table.labelled, 'labelled answer')} {', '.join(_figures(found))}"
    corrected = [words for model in models if (words := _corrected(found, model))]
    if corrected:
        yield f"{name}: right answers, corrected by these labels if they are like the cases: {' · '.join(corrected)}"


def _figures(found: Calibration) -> Iterator[str]:
    known = figures(found)
    kappa = known.pop("kappa")
    if kappa is not None:
        yield f"kappa {kappa.estimate:.2f} [{kappa.low:.2f}, {kappa.high:.2f}]"
    for name, value in known.items():
        if value is not None:
            yield f"{name} {share(value.estimate)} {interval(value.low, value.high)}"


def _corrected(found: Calibration, model: ModelSummary) -> str:
    """Return a model's share of right answers by judge and labels together, '' where too few are judged."""
    known = corrected_accuracy(found.table, model.judge_passed, model.judge_asked)
    if known is None:
        return ""
    bounds = known.interval
    judged = f"{model.judge_passed} of {model.judge_asked} by the judge"
    return f"{model.name} {share(bounds.estimate)} {interval(bounds.low, bounds.high)} ({judged})"

"""The flags of the verdict, read once into a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_llmupgrade.verdict.table import FailOn


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictOptions:
    """What the command line asks of the verdict; None: what `[tool.llmupgrade.gate]` says."""

    margin: float | None = None
    """Percentage points."""
    fail_on: FailOn | None = None
    look: int = 1
    """Which of the planned looks this run is, from 1."""
    decision: Path | None = None
    """Where what was decided is written, as a rollout's evidence."""


def add_verdict_options(group: pytest.OptionGroup) -> None:
    """Declare the flags."""
    group.addoption(
        "--llm-margin",
        dest="llm_margin",
        metavar="POINTS",
        default=None,
        help="the drop in accuracy, in percentage points, within which a candidate is safe (default: 5)",
    )
    group.addoption(
        "--llm-fail-on",
        dest="llm_fail_on",
        metavar="miss|regression|verdict",
        default=None,
        help="what fails the run: any miss (default with one model), a candidate's miss of what the incumbent passes "
        "(default with several), or a verdict that is not SAFE; errors always do",
    )
    group.addoption(
        "--llm-look",
        dest="llm_look",
        metavar="N",
        default="1",
        help="which look at the same comparison this is, where [tool.llmupgrade.gate] plans two (default: 1)",
    )
    group.addoption(
        "--llm-decision",
        dest="llm_decision",
        metavar="PATH.json",
        default=None,
        help="write the verdict with the hashes of suite and prompts to PATH, whatever it is: what `evidence` in "
        "rollout.yaml names",
    )


def read_verdict_options(config: pytest.Config, models: tuple[str, ...]) -> VerdictOptions:
    """Return the frozen options; pytest.UsageError where a value is wrong, or a decision has nothing to decide on."""
    margin, fail_on = config.getoption("llm_margin"), config.getoption("llm_fail_on")
    look: str = config.getoption("llm_look")
    decision: str | None = config.getoption("llm_decision")
    if look not in ("1", "2"):
        raise pytest.UsageError(f"--llm-look={look}: write 1, or 2 where two looks are planned")
    if decision is not None and not models:
        raise pytest.UsageError(f"--llm-decision={decision} needs --llm-models=OLD,NEW beside it")
    return VerdictOptions(
        margin=None if margin is None else _margin(margin),
        fail_on=None if fail_on is None else _fail_on(fail_on),
        look=int(look),
        decision=None if decision is None else Path(decision),
    )


def _margin(text: str) -> float:
    from pytest_llmupgrade.verdict.table import SMALLEST_MARGIN_PP, is_margin

    try:
        points = float(text)
    except ValueError:
        points = 0.0
    if not is_margin(points):
        raise pytest.UsageError(
            f"--llm-margin={text}: write percentage points from {SMALLEST_MARGIN_PP} to 50, such as --llm-margin=5"
        )
    return points


def _fail_on(text: str) -> FailOn:
    from pytest_llmupgrade.verdict.table import FAIL_ON

    if text not in FAIL_ON:
        raise pytest.UsageError(f"--llm-fail-on={text}: write one of {', '.join(FAIL_ON)}")
    return text

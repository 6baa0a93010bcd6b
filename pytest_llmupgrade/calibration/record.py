"""What calibrations found, by judge: a file to keep in the repository, which reports quote."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.checked import checked
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.judges.identity import JudgeIdentity  # noqa: TC001  pydantic reads the annotations
from pytest_llmupgrade.stats import Agreement, cohens_kappa, sensitivity, specificity

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_llmupgrade.stats import Interval

FILE = "judge_calibration.json"
"""Beside pyproject.toml."""
_SCHEMA = "llmupgrade-calibration/1"
ENOUGH = 100
"""Pairs below which the figures are wide; more is said, nothing is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A judge's verdicts against people's."""

    judge: JudgeIdentity
    created: str
    """ISO 8601, UTC."""
    labels: str
    """The labelled file, as it was named."""
    both_passed: int
    only_judge_passed: int
    only_human_passed: int
    both_missed: int
    undecided: int = 0
    """Pairs of which the judge brought no verdict."""

    @property
    def table(self) -> Agreement:
        """The four counts, for the statistics."""
        return Agreement(
            both_passed=self.both_passed,
            only_judge_passed=self.only_judge_passed,
            only_human_passed=self.only_human_passed,
            both_missed=self.both_missed,
        )


def read_calibrations(path: Path) -> tuple[Calibration, ...]:
    """Return what is kept, none where there is no file; UsageError where it is none of ours."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: no calibrations in it ({error}); delete it, or name another") from None
    if (
        not isinstance(data, dict)
        or data.get("schema") != _SCHEMA
        or not isinstance(data.get("judges"), list)
    ):
        raise UsageError(f"{path}: no calibrations in it; delete it, or name another")
    try:
        return tuple(checked(Calibration, plain) for plain in data["judges"])
    except ValueError as error:
        raise UsageError(f"{path}: {error}; delete it, and calibrate anew") from None


def keep_calibration(path: Path, new: Calibration) -> None:
    """Write a calibration in the place of the same judge's; OSError where the disk does not take it."""
    kept = [one for one in read_calibrations(path) if one.judge != new.judge]
    plain = {"schema": _SCHEMA, "judges": [asdict(one) for one in [*kept, new]]}
    path.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


def figures(calibration: Calibration) -> dict[str, Interval | None]:
    """Return kappa, sensitivity and specificity with 95 % intervals; None where the labels do not give one."""
    table = calibration.table
    kappa = cohens_kappa(table)
    return {
        "kappa": kappa.interval if kappa else None,
        "sensitivity": sensitivity(table),
        "specificity": specificity(table),
    }

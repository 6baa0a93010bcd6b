"""The decision file of kept runs: as `--llm-decision` would have written it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.decisions.files import check_decision_path, write_decision
from pytest_llmupgrade.decisions.making import make_decision
from pytest_llmupgrade.kept.showing import writing
from pytest_llmupgrade.settings import load_settings

if TYPE_CHECKING:
    from pytest_llmupgrade.kept.joining import Joined


def check_decision(path: Path | None) -> None:
    """Raise UsageError where writing the decision would overwrite something else."""
    if path is not None:
        check_decision_path(path, flag="--decision=")


def write_joined_decision(joined: Joined, path: Path) -> None:
    """Write what the joined runs decided; UsageError where nothing was compared, or it cannot be written."""
    settings = load_settings(Path("pyproject.toml"))
    decision = make_decision(
        joined.summary,
        (row for column in joined.columns for row in column.rows()),
        created=joined.summary.created,
        runs=tuple(dict.fromkeys(column.run.path.stem for column in joined.columns)),
        gate=settings.gate,
        wire_name=lambda name: settings.spec(name).wire_name,
    )
    with writing(path):
        write_decision(path, decision)

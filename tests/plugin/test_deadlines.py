"""What a run says of the ends of its models."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project


def retires(days: int) -> str:
    """Return a settings table for the model `new`, which ends in so many days."""
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)
    return f'[tool.llmupgrade.models."new"]\nretires = {day}\n'


def test_header_warns_of_a_model_that_is_gone(project: Project) -> None:
    """The header says that the incumbent is gone, and that its snapshots stand in for it."""
    project.models = "gpt-3.5-turbo,new"
    result = project.run("--co")
    result.stdout.fnmatch_lines(
        ["llmupgrade: !!! gpt-3.5-turbo (incumbent) was shut down on 2026-10-23; replay its snapshots; *"]
    )


@pytest.mark.parametrize(
    ("days", "line"),
    [
        (61, None),
        (45, "llmupgrade: new (candidate) will be shut down on *, in 45 days"),
        (20, "llmupgrade: !!! new (candidate) will be shut down on *, in 20 days"),
    ],
)
def test_header_warns_in_time(project: Project, days: int, line: str | None) -> None:
    """The header is silent above 60 days, warns within, and is loud within 30."""
    project.write("pyproject.toml", retires(days))
    result = project.run("--co")
    if line is None:
        result.stdout.no_fnmatch_line("*shut down*")
    else:
        result.stdout.fnmatch_lines([line])


def test_the_judge_is_checked_too(project: Project) -> None:
    """A judge that is gone is named as the judge."""
    result = project.run("--co", "--llm-judge-model=gpt-4")
    result.stdout.fnmatch_lines(["llmupgrade: !!! gpt-4 (judge) was shut down on 2026-10-23*"])


def test_retire_within_fails_the_run(project: Project, distribution: tuple[str, ...]) -> None:
    """A run that would pass fails where one of its models ends too soon, with xdist too, and says why under -q."""
    project.write("pyproject.toml", retires(20))
    project.models = "new"
    arguments = ("-k", "cash or order-status or refund-b", "-q", *distribution)
    passing = project.run(*arguments, "--llm-retire-within=10d")
    assert passing.ret == 0
    passing.stdout.fnmatch_lines(["!!! new (incumbent) will be shut down on *"])
    failing = project.run(*arguments, "--llm-retire-within=30d")
    assert failing.ret == 1
    failing.stdout.fnmatch_lines(
        ["--llm-retire-within=30d fails the run: new (incumbent) will be shut down*"]
    )


def test_retire_within_needs_a_number_of_days(project: Project) -> None:
    """A wrong value is one line and pytest's usage error."""
    result = project.run("--llm-retire-within=soon")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --llm-retire-within=soon: write a number of days, such as *=30d"])


def test_retire_within_without_models_says_that_it_checks_nothing(project: Project) -> None:
    """Where there is nothing to check, the header says so instead of looking like a check that passed."""
    project.models = None
    result = project.run("--llm-retire-within=30d", "--co")
    result.stdout.fnmatch_lines(["llmupgrade: --llm-retire-within checks nothing*"])
    assert result.ret == 0


def test_a_faulty_date_is_one_line(project: Project) -> None:
    """A quoted date in the settings is named with its line."""
    project.write("pyproject.toml", '[tool.llmupgrade.models."new"]\nretires = "2026-12-31"\n')
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*pyproject.toml:2: *retires must be a date without quotes*"])

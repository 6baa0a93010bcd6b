"""What a run says of the ends of its models."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")


def retires(days: int, model: str = "new") -> str:
    """Return a settings table for a model that ends in so many days."""
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)
    return f'[tool.llmupgrade.models."{model}"]\nretires = {day}\n'


def test_header_warns_in_time(project: Project) -> None:
    """The header names incumbent, candidates and judge, what is gone or near loudly, and what has time not at all."""
    project.write("pyproject.toml", retires(20) + "\n" + retires(61, "later") + "\n" + retires(45, "soon"))
    project.models = "gpt-3.5-turbo,new,later,soon"
    shown = project.run("--co", "--llm-judge-model=gpt-4").stdout
    shown.fnmatch_lines(
        [
            "llmupgrade: !!! gpt-3.5-turbo (incumbent) was shut down on 2026-10-23; replay its snapshots; *",
            "llmupgrade: !!! gpt-4 (judge) was shut down on 2026-10-23*",
            "llmupgrade: !!! new (candidate) will be shut down on *, in 20 days",
            "llmupgrade: soon (candidate) will be shut down on *, in 45 days",
        ]
    )
    shown.no_fnmatch_line("*later (candidate)*")


@pytest.mark.parametrize("flags", [(), ("-n2",)])
def test_retire_within_fails_the_run(project: Project, flags: tuple[str, ...]) -> None:
    """A run that would pass fails where one of its models ends too soon, with xdist too, and says why under -q."""
    project.write("pyproject.toml", retires(20))
    project.models = "new"
    failing = project.run("-k", "cash or order-status or refund-b", "-q", *flags, "--llm-retire-within=30d")
    assert failing.ret == 1
    failing.stdout.fnmatch_lines(
        ["--llm-retire-within=30d fails the run: new (incumbent) will be shut down*"]
    )


def test_retire_within_is_about_what_ends_by_then(project: Project) -> None:
    """A model that ends later does not fail the run; that it is near is said at the end, too."""
    project.write("pyproject.toml", retires(20))
    project.models = "new"
    passing = project.run("-k", "order-status", "-q", "--llm-retire-within=10d")
    assert passing.ret == 0
    passing.stdout.fnmatch_lines(["!!! new (incumbent) will be shut down on *"])


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

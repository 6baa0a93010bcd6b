"""On GitHub, an error at the line of a rollout file whose check failed: where the pull request raises the percentage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

HOOKS = "llmupgrade-rollout-errors"
_PLACE = "llmupgrade_rollout_place"
"""The attribute of a TestReport that carries a failed check's file, line and sentence."""


class RolloutErrors:
    """The hooks of a run on GitHub."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mark the report of a failed check: it travels from xdist's workers."""
        report = yield
        if report.when == "call" and report.failed:
            place: Any = getattr(item, "rollout_place", None)
            if place is not None:
                setattr(report, _PLACE, place())
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write one error for each failed check, as GitHub's runner reads it."""
        places = [getattr(report, _PLACE, None) for report in terminalreporter.stats.get("failed", ())]
        told = [place for place in places if place is not None]
        if told:
            from pytest_llmupgrade.plugin.github import MOST, at_line

            terminalreporter.ensure_newline()
            for file, line, words in told[:MOST]:
                terminalreporter.write_line(at_line("error", file, line, title="Rollout", message=words))

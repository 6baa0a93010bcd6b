"""Files of ours that cannot be read: all their faults in one report, and exit code 4, with xdist and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_HOOKS = "llmupgrade-faulty"
_FAULTY = "llmupgrade_faulty"
"""The attribute of a CollectReport of a faulty file."""
_RUN = "llmupgrade"
"""The node id of what no single file is at fault for."""
_SEEN = pytest.StashKey[bool]()


class FaultyFileError(pytest.Collector.CollectError):
    """Everything that is wrong in one file; the run ends with exit code 4."""


def watch_for_faults(config: pytest.Config) -> None:
    """Register the hooks that end a run with faulty files, once."""
    if not config.pluginmanager.has_plugin(_HOOKS):
        config.pluginmanager.register(FaultyHooks(config), _HOOKS)


def report_from_worker(session: pytest.Session, words: str) -> None:
    """Tell the controller of xdist of a fault that shows only once everything is collected, and run nothing here."""
    report = pytest.CollectReport(nodeid=_RUN, outcome="failed", longrepr=words, result=[])
    setattr(report, _FAULTY, True)
    session.config.hook.pytest_collectreport(report=report)
    session.shouldstop = "faulty files"


class FaultyHooks:
    """The hooks of a run that has files of ours."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Flag the report of a file that could not be read."""
        report = yield
        error = report.call.excinfo if report.failed and getattr(report, "call", None) else None
        if error is not None and isinstance(error.value, FaultyFileError):
            setattr(report, _FAULTY, True)
            del report.call  # an exception does not travel between xdist's processes
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember that a file was faulty."""
        if not getattr(report, _FAULTY, False):
            return
        self._config.stash[_SEEN] = True
        distribution = self._config.pluginmanager.get_plugin("dsession")
        if distribution is not None and not self._config.getoption("continue_on_collection_errors"):
            # xdist would run, and pay for, everything else; without it pytest stops here by itself.
            distribution.shouldstop = "faulty files"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Make the run end as wrong usage does, exit code 4; last of all, as syrupy ORs codes."""
        result = yield
        if self._config.stash.get(_SEEN, False):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        return result

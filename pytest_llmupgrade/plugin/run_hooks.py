"""The hooks of a run with eval cases or models; registered by `start.activate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.plugin import failing, planning, reporting

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


class RunHooks:
    """An instance knows its config, which some of pytest's hooks are not handed."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._session: pytest.Session | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember the session, which pytest tells when enough has failed."""
        self._session = session

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what was selected."""
        planning.plan(session)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Start what the items need."""
        planning.prepare(session)
        try:
            result = yield
        finally:
            planning.stop(session)
        failing.count_breaches(session)
        return result

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Let the calls ahead of the item go on."""
        planning.reached(self._config, nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the record."""
        return reporting.attach_record((yield), item, call)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record."""
        reporting.keep_record(self._config, report)
        planning.stop_if_over(self._session)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand over what a worker counted, before xdist sends it."""
        reporting.hide_callspecs(session)
        planning.hand_over_calls(session.config)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Say what the run found."""
        reporting.print_summary(terminalreporter, self._session, exitstatus)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of xdist where the local models listen."""
        planning.configure_node(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Note what the workers selected."""
        planning.plan_of_worker(node, ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ARG002  xdist's names
        """Count the calls that a worker made by itself."""
        planning.take_over_calls(node)

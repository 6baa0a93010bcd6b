"""The pytest plugin: hooks that delegate in one line; all that is testable lives beside this file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.plugin import collect, options, reporting, start
from pytest_llmupgrade.plugin.fixtures import llm, llm_case, llm_judged, llm_model, llm_target
from pytest_llmupgrade.plugin.judges import *  # noqa: F403  every name there is a fixture

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

__all__ = ["llm", "llm_case", "llm_judged", "llm_model", "llm_target"]


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    start.configure(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    start.unconfigure(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return start.header(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return collect.collect_file(file_path, parent)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    collect.parametrize_models(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return reporting.mark_faulty((yield), collector)


def pytest_collection_finish(session: pytest.Session) -> None:
    start.plan(session)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    start.prepare(session)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return reporting.attach_record((yield), item, call)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    reporting.hide_callspecs(session)
    result = yield
    reporting.correct_exit_status(session)
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    reporting.print_summary(terminalreporter, exitstatus)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    start.configure_node(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: Sequence[str]) -> None:
    start.plan_of_worker(node, ids)

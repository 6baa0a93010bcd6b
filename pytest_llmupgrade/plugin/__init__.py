"""The pytest plugin: hooks that delegate in one line; all that is testable lives beside this file.

Only what every pytest run needs is here. The hooks of a run with eval cases are in `run_hooks`, registered when there
is such a run, so that a suite without eval files pays for none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.plugin import options, start
from pytest_llmupgrade.plugin.fixtures import llm, llm_case, llm_judged, llm_model, llm_prompt, llm_target
from pytest_llmupgrade.plugin.judges import *  # noqa: F403  every name there is a fixture

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["llm", "llm_case", "llm_judged", "llm_model", "llm_prompt", "llm_target"]


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    start.configure(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    start.unconfigure(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return start.header(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return start.collect_file(file_path, parent)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    start.parametrize_models(metafunc)

"""Flags and ini values: declared here, read once into a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

REPORT_SUFFIXES = (".json",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line and the ini file ask for."""

    models: tuple[str, ...]
    """The incumbent first; empty: nothing is asked of any model."""
    files: tuple[str, ...]
    """Globs of the names of eval files."""
    reports: tuple[Path, ...]
    judge_model: str | None


def add_options(parser: pytest.Parser) -> None:
    """Declare the plugin's flags and ini values."""
    group = parser.getgroup("llmupgrade", "LLM evals (pytest-llmupgrade)")
    group.addoption(
        "--llm-models",
        dest="llm_models",
        metavar="MODEL[,MODEL...]",
        default=None,
        help="models to run the eval cases on; the first is the incumbent, the others are its candidates",
    )
    group.addoption(
        "--llm-incumbent",
        dest="llm_incumbent",
        metavar="MODEL",
        default=None,
        help="the model in production now, where it is not the first of --llm-models",
    )
    group.addoption(
        "--llm-report",
        dest="llm_reports",
        metavar="PATH",
        action="append",
        default=[],
        help="write the summary to PATH; the suffix names the format (.json); may be given several times",
    )
    group.addoption(
        "--llm-judge-model",
        dest="llm_judge_model",
        metavar="MODEL",
        default=None,
        help="the model behind the judge `llm_judge` (default: [tool.llmupgrade.judge] model)",
    )
    parser.addini(
        "llm_files",
        type="args",
        default=["eval_*.yaml", "eval_*.yml", "*.eval.yaml", "*.eval.yml"],
        help="globs of the names of eval files",
    )
    parser.addini("llm_models", type="string", default="", help="what --llm-models is where it is not given")


def read_options(config: pytest.Config) -> Options:
    """Return the frozen options; pytest.UsageError where a value is wrong."""
    return Options(
        models=_models(config),
        files=tuple(config.getini("llm_files")),
        reports=_reports(config.getoption("llm_reports")),
        judge_model=config.getoption("llm_judge_model"),
    )


def _models(config: pytest.Config) -> tuple[str, ...]:
    given: str | None = config.getoption("llm_models")
    text = given if given is not None else config.getini("llm_models")
    incumbent: str | None = config.getoption("llm_incumbent")
    if given is None and not text:
        if incumbent:
            raise pytest.UsageError("--llm-incumbent needs --llm-models=MODEL[,MODEL...] beside it")
        return ()
    from pytest_llmupgrade.errors import UsageError
    from pytest_llmupgrade.settings import parse_models

    try:
        names = parse_models(text)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    return _incumbent_first(names, incumbent)


def _incumbent_first(names: tuple[str, ...], incumbent: str | None) -> tuple[str, ...]:
    if incumbent is None:
        return names
    if incumbent not in names:
        raise pytest.UsageError(
            f"--llm-incumbent={incumbent} is not among --llm-models; add it there: {incumbent},{','.join(names)}"
        )
    return (incumbent, *(name for name in names if name != incumbent))


def _reports(paths: Sequence[str]) -> tuple[Path, ...]:
    for path in paths:
        if Path(path).suffix not in REPORT_SUFFIXES:
            raise pytest.UsageError(
                f"--llm-report={path}: the suffix names the format; known: {', '.join(REPORT_SUFFIXES)}"
            )
    return tuple(Path(path) for path in paths)

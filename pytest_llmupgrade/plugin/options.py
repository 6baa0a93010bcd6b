"""Flags and ini values: declared here, read once into a frozen value."""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import pytest

from pytest_llmupgrade.plugin.batch_options import add_batch_option, read_batch
from pytest_llmupgrade.plugin.kept_options import KeptOptions, add_kept_options, read_kept_options
from pytest_llmupgrade.plugin.prompt_options import add_prompt_option, read_prompts
from pytest_llmupgrade.plugin.rollout_options import (
    RolloutOptions,
    add_rollout_options,
    read_rollout_options,
)
from pytest_llmupgrade.plugin.snapshot_options import (
    SnapshotOptions,
    add_snapshot_options,
    read_snapshot_options,
)
from pytest_llmupgrade.plugin.verdict_options import (
    VerdictOptions,
    add_verdict_options,
    read_verdict_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_llmupgrade.model import PassRule

T = TypeVar("T", int, float, Decimal)
MOST_REPEATS = 1_000
"""Completions of one attempt, so that the indexes of the next one's follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line and the ini file ask for."""

    models: tuple[str, ...]
    """The incumbent first; empty: nothing is asked of any model."""
    files: tuple[str, ...]
    """Globs of the names of eval files."""
    reports: tuple[Path, ...]
    judge_model: str | None
    prompts: tuple[str, ...] = ()
    """Versions of prompts.yaml as an axis; empty: each model is told what it uses."""
    store: Path | None = None
    """Where answers are kept; None: in pytest's cache folder."""
    fresh: bool = False
    """Answers from before this run are not used."""
    concurrency: int = 32
    """The most calls in flight for each model."""
    budget_usd: Decimal | None = None
    batch: bool = False
    """Calls are made by the provider's Batch API."""
    estimate: bool = False
    """Nothing is run; what it would call is printed."""
    repeat: int = 1
    """Completions of each case on each model, where the case does not say."""
    pass_when: PassRule = "all"  # noqa: S105  a rule, no password
    """Which of them must pass, where the case does not say."""
    retire_within_days: int | None = None
    """The run fails where a model of it retires within so many days; None: it is only said."""
    deadline_s: float | None = None
    """Seconds for all calls of the run together."""
    kept: KeptOptions = field(default_factory=KeptOptions)
    snapshots: SnapshotOptions = field(default_factory=SnapshotOptions)
    verdict: VerdictOptions = field(default_factory=VerdictOptions)
    rollout: RolloutOptions = field(default_factory=RolloutOptions)


def add_options(parser: pytest.Parser) -> None:
    """Declare the plugin's flags and ini values."""
    group = parser.getgroup("llmupgrade", "LLM evals (pytest-llmupgrade)")
    _add_run_options(group)
    add_prompt_option(group)
    _add_call_options(group)
    add_kept_options(group)
    add_snapshot_options(group)
    add_verdict_options(group)
    add_rollout_options(group, parser)
    parser.addini(
        "llm_files",
        type="args",
        default=["eval_*.yaml", "eval_*.yml", "*.eval.yaml", "*.eval.yml"],
        help="globs of the names of eval files",
    )
    parser.addini("llm_models", type="string", default="", help="what --llm-models is where it is not given")


def _add_run_options(group: pytest.OptionGroup) -> None:
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
        help="write the summary to PATH; the suffix names the format (.json, .md, .html); may be given several times",
    )
    group.addoption(
        "--llm-judge-model",
        dest="llm_judge_model",
        metavar="MODEL",
        default=None,
        help="the model behind the judge `llm_judge` (default: [tool.llmupgrade.judge] model)",
    )
    group.addoption(
        "--llm-retire-within",
        dest="llm_retire_within",
        metavar="DAYS",
        default=None,
        help="fail the run where one of its models is shut down, or will be within DAYS, such as 30d",
    )


def _add_call_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--llm-store",
        dest="llm_store",
        metavar="PATH",
        default=None,
        help="where answers are kept, so that none is paid for twice (default: in pytest's cache folder)",
    )
    group.addoption(
        "--llm-fresh",
        dest="llm_fresh",
        action="store_true",
        help="ask anew, also where the store has an answer; what comes is stored",
    )
    group.addoption(
        "--llm-concurrency",
        dest="llm_concurrency",
        metavar="N",
        default="32",
        help="the most calls in flight for each model (default: 32; fewer where a server says 429)",
    )
    group.addoption(
        "--llm-budget",
        dest="llm_budget",
        metavar="USD",
        default=None,
        help="a hard cap: once it is spent, nothing more is sent, and what is left is errored",
    )
    group.addoption(
        "--llm-estimate",
        dest="llm_estimate",
        action="store_true",
        help="print how many calls, tokens and dollars the selected items would take, and run nothing",
    )
    group.addoption(
        "--llm-deadline",
        dest="llm_deadline",
        metavar="SECONDS",
        default=None,
        help="a time for all calls of the run; after it nothing more is sent, and what is left is errored",
    )
    add_batch_option(group)
    add_repeat_options(group)


def add_repeat_options(group: pytest.OptionGroup) -> None:
    """Declare how often a case is asked."""
    group.addoption(
        "--llm-repeat",
        dest="llm_repeat",
        metavar="K",
        default="1",
        help="completions of each case on each model, where the case's `repeat` does not say (default: 1)",
    )
    group.addoption(
        "--llm-pass-when",
        dest="llm_pass_when",
        metavar="RULE",
        default="all",
        help="which of a case's completions must pass, where the case's `pass_when` does not say: "
        "all (default), any, majority, or a share such as 0.8",
    )


def read_options(config: pytest.Config) -> Options:
    """Return the frozen options; pytest.UsageError where a value is wrong."""
    models = _models(config)
    return Options(
        models=models,
        prompts=read_prompts(config, models),
        kept=read_kept_options(config, models),
        snapshots=read_snapshot_options(config),
        verdict=read_verdict_options(config, models),
        rollout=read_rollout_options(config),
        files=tuple(config.getini("llm_files")),
        reports=_reports(config.getoption("llm_reports")),
        judge_model=config.getoption("llm_judge_model"),
        store=_store(config),
        fresh=config.getoption("llm_fresh"),
        concurrency=_positive("--llm-concurrency", config.getoption("llm_concurrency"), int, "16"),
        budget_usd=_positive("--llm-budget", config.getoption("llm_budget"), Decimal, "5.00"),
        batch=read_batch(config),
        estimate=_estimate(config),
        repeat=_repeat(config.getoption("llm_repeat")),
        pass_when=_pass_when(config.getoption("llm_pass_when")),
        retire_within_days=_retire_within(config.getoption("llm_retire_within")),
        deadline_s=_positive("--llm-deadline", config.getoption("llm_deadline"), float, "600"),
    )


def _positive(flag: str, text: str | None, kind: Callable[[str], T], example: str) -> T:
    """Return a flag's number; None where it is not given, pytest.UsageError where it is none above 0."""
    if text is None:
        return cast("T", None)
    try:
        value = kind(text)
        if math.isfinite(value) and value > 0:
            return value
    except (ValueError, ArithmeticError):
        pass
    what = "whole number" if kind is int else "finite number"
    raise pytest.UsageError(f"{flag}={text}: give a {what} above 0, such as {flag}={example}")


def _store(config: pytest.Config) -> Path | None:
    given: str | None = config.getoption("llm_store")
    if given is None:
        return None
    path = config.invocation_params.dir / given
    if os.path.isdir(path):  # noqa: PTH112  Path's raises for a name that is too long
        raise pytest.UsageError(
            f"--llm-store={given}: {path} is a folder; name a file, such as --llm-store={Path(given) / 'answers.sqlite3'}"
        )
    return path


def _estimate(config: pytest.Config) -> bool:
    wanted: bool = config.getoption("llm_estimate")
    if wanted and config.getoption("dist", "no") != "no":
        raise pytest.UsageError(
            "--llm-estimate runs nothing, so there is nothing to distribute; leave out -n"
        )
    return wanted


def _repeat(text: str) -> int:
    times = _positive("--llm-repeat", text, int, "5")
    if times > MOST_REPEATS:
        raise pytest.UsageError(f"--llm-repeat={text}: at most {MOST_REPEATS}")
    return times


def _pass_when(text: str) -> PassRule:
    if text == "all":
        return "all"
    from pytest_llmupgrade.run.repeats import EXAMPLES, pass_rule

    rule = pass_rule(text)
    if rule is None:
        raise pytest.UsageError(f"--llm-pass-when={text}: write {EXAMPLES}")
    return rule


def _retire_within(text: str | None) -> int | None:
    if text is None:
        return None
    from pytest_llmupgrade.deadlines import days_of
    from pytest_llmupgrade.errors import UsageError

    try:
        return days_of(text, "--llm-retire-within")
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _models(config: pytest.Config) -> tuple[str, ...]:
    given: str | None = config.getoption("llm_models")
    declared = _declared_models(config) if given is None else None
    incumbent: str | None = config.getoption("llm_incumbent")
    if given is None and not declared:
        if incumbent:
            raise pytest.UsageError("--llm-incumbent needs --llm-models=MODEL[,MODEL...] beside it")
        return ()
    from pytest_llmupgrade.errors import UsageError
    from pytest_llmupgrade.settings import models_text, parse_models

    try:
        names = parse_models(models_text(declared) if given is None else given)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    return _incumbent_first(names, incumbent)


def _declared_models(config: pytest.Config) -> object:
    """Return the ini value as it stands: from TOML it may be a list, of which newer pytests warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        declared: object = config.getini("llm_models")
    return declared


def _incumbent_first(names: tuple[str, ...], incumbent: str | None) -> tuple[str, ...]:
    if incumbent is None:
        return names
    if incumbent not in names:
        raise pytest.UsageError(
            f"--llm-incumbent={incumbent} is not among --llm-models; add it there: {incumbent},{','.join(names)}"
        )
    return (incumbent, *(name for name in names if name != incumbent))


def _reports(paths: Sequence[str]) -> tuple[Path, ...]:
    if not paths:
        return ()
    from pytest_llmupgrade.run.report.formats import SUFFIXES

    for path in paths:
        if Path(path).suffix not in SUFFIXES:
            raise pytest.UsageError(
                f"--llm-report={path}: the suffix names the format; known: {', '.join(SUFFIXES)}"
            )
    return tuple(Path(path) for path in paths)

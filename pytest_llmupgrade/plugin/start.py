"""How a run begins and ends; what every pytest run passes through, so nothing costly is imported above."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.plugin.faulty import watch_for_faults
from pytest_llmupgrade.plugin.kept import HOOKS as KEPT_HOOKS
from pytest_llmupgrade.plugin.kept import KeptHooks, check_keep
from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.plugin.options import read_options
from pytest_llmupgrade.plugin.session import LlmSession

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HOOKS = "llmupgrade-run"
_NOT_THE_SUITES = "ignore::DeprecationWarning:(aiohttp|httpx_aiohttp|httpx2|httpcore2|openai)"
"""What the client's libraries say of each other must not fail calls where a suite makes warnings errors."""


def configure(config: pytest.Config) -> None:
    """Read the options; models named on the command line must be callable, unless nothing will be called."""
    session = LlmSession(config, read_options(config))
    config.stash[SESSION] = session
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if session.options.models and worker_input is None:
        with_usage_errors(session.check_settings)
    if worker_input is None and (session.options.models or session.options.retire_within_days is not None):
        from pytest_llmupgrade.plugin.deadlines import DeadlineHooks

        config.pluginmanager.register(DeadlineHooks(config), "llmupgrade-deadlines")
    if session.options.models or worker_input is not None or config.getoption("dist", "no") != "no":
        activate(config)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from pytest_llmupgrade.plugin import rollout_errors

        config.pluginmanager.register(rollout_errors.RolloutErrors(), rollout_errors.HOOKS)
    if session.options.kept.keep is not None and worker_input is None:
        with_usage_errors(check_keep, config, session)
    if session.options.kept.baseline is not None:
        with_usage_errors(lambda: session.baseline)
    if worker_input is not None:
        session.live.local_urls = dict(worker_input.get("llmupgrade_local_urls", {}))
        if "llmupgrade_broker" in worker_input:
            session.live.reach(*worker_input["llmupgrade_broker"])
    elif config.getoption("llm_models") and not calls_nothing(config) and not session.options.estimate:
        with_usage_errors(session.check)


def activate(config: pytest.Config) -> None:
    """Register the hooks of a run with eval cases, once."""
    if not config.pluginmanager.has_plugin(_HOOKS):
        from pytest_llmupgrade.plugin.run_hooks import RunHooks

        config.pluginmanager.register(RunHooks(config), _HOOKS)
        config.addinivalue_line("filterwarnings", _NOT_THE_SUITES)
        watch_for_faults(config)
        _show_progress(config)
        if config.stash[SESSION].options.estimate:
            from pytest_llmupgrade.plugin.estimating import EstimateHooks

            config.pluginmanager.register(EstimateHooks(), f"{_HOOKS}-estimate")
        config.pluginmanager.register(KeptHooks(config), KEPT_HOOKS)
        from pytest_llmupgrade.plugin import snapshots

        config.pluginmanager.register(snapshots.SnapshotHooks(config), snapshots.HOOKS)


def _show_progress(config: pytest.Config) -> None:
    """Tell how far the calls are, except with -q and in a worker of xdist."""
    session = config.stash[SESSION]
    if session.options.models and config.get_verbosity() >= 0 and not hasattr(config, "workerinput"):
        from pytest_llmupgrade.plugin.progress import ProgressHooks

        hooks = ProgressHooks(config)
        session.live.on_wait = hooks.waited
        config.pluginmanager.register(hooks, f"{_HOOKS}-progress")


def calls_nothing(config: pytest.Config) -> bool:
    """Whether this run only lists or plans."""
    return any(
        config.getoption(name, default=False)
        for name in ("collectonly", "setupplan", "show_fixtures_per_test", "showfixtures")
    )


def with_usage_errors(step: Callable[..., object], *arguments: object) -> None:
    """Run a step; what it raises of ours becomes pytest's usage error: one clear line, exit code 4."""
    from pytest_llmupgrade.errors import LlmUpgradeError

    try:
        step(*arguments)
    except LlmUpgradeError as error:
        raise pytest.UsageError(str(error)) from None


def unconfigure(config: pytest.Config) -> None:
    """End what the run started."""
    session = config.stash.get(SESSION, None)
    if session is not None:
        session.close()


def header(config: pytest.Config) -> list[str]:
    """Return the header's line: who is incumbent, who is candidate."""
    session = config.stash[SESSION]
    columns = tuple(session.columns)
    if not columns:
        return []
    if session.baseline is not None:
        return [f"llmupgrade: incumbent: {session.baseline.described} · candidates: {', '.join(columns)}"]
    against = f" · candidates: {', '.join(columns[1:])}" if columns[1:] else ""
    return [f"llmupgrade: {'incumbent' if columns[1:] else 'model'}: {columns[0]}{against}"]


def collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return a collector for an eval file, None for any other file."""
    patterns = parent.config.stash[SESSION].options.files
    if file_path.parent.parent.name == "__llm_snapshots__":
        return None
    if not any(fnmatch(file_path.name, pattern) for pattern in patterns):
        return _rollout_file(file_path, parent)
    activate(parent.config)
    from pytest_llmupgrade.plugin.collect import EvalFile

    collector: EvalFile = EvalFile.from_parent(parent, path=file_path)
    return collector


def _rollout_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return a collector for a rollout file of ours, None for any other file."""
    patterns = parent.config.stash[SESSION].options.rollout.files
    if not any(fnmatch(file_path.name, pattern) for pattern in patterns):
        return None
    from pytest_llmupgrade.rollout.recognising import is_rollout

    if not is_rollout(file_path):
        return None
    watch_for_faults(parent.config)
    from pytest_llmupgrade.plugin.rollout_items import RolloutFile

    collector: RolloutFile = RolloutFile.from_parent(parent, path=file_path)
    return collector


def parametrize_models(metafunc: pytest.Metafunc) -> None:
    """Add the models of the run as the axis `llm_model` to whatever asks for one."""
    if "llm_model" in metafunc.fixturenames and metafunc.config.stash[SESSION].options.models:
        from pytest_llmupgrade.plugin import collect

        collect.parametrize_models(metafunc)

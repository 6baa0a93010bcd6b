"""How a run begins and ends: configure, plan, prepare, and the same beside xdist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.plugin.options import read_options
from pytest_llmupgrade.plugin.reporting import ReportKeeper
from pytest_llmupgrade.plugin.session import LlmSession

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def configure(config: pytest.Config) -> None:
    """Read the options; models named on the command line must be callable, unless nothing will be called."""
    session = LlmSession(config, read_options(config))
    config.stash[SESSION] = session
    config.pluginmanager.register(ReportKeeper(config), "llmupgrade-reports")
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is not None:
        session.local_urls = dict(worker_input.get("llmupgrade_local_urls", {}))
    elif config.getoption("llm_models") and not _calls_nothing(config):
        with_usage_errors(session.check)


def _calls_nothing(config: pytest.Config) -> bool:
    return any(
        config.getoption(name, default=False)
        for name in ("collectonly", "setupplan", "show_fixtures_per_test", "showfixtures")
    )


def with_usage_errors(step: Any, *arguments: object) -> None:
    """Run a step; what it raises of ours becomes pytest's usage error: one clear line, exit code 4."""
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
    models = config.stash[SESSION].options.models
    if not models:
        return []
    against = f" · candidates: {', '.join(models[1:])}" if models[1:] else ""
    return [f"llmupgrade: {'incumbent' if models[1:] else 'model'}: {models[0]}{against}"]


# --- the plan --------------------------------------------------------------------------------------


def plan(session: pytest.Session) -> None:
    """Note what was selected, once the selection is final."""
    config = session.config
    if not hasattr(config, "workerinput"):
        config.stash[SESSION].plan(_eval_items(session.items))


def _eval_items(items: Iterable[pytest.Item]) -> Iterator[tuple[str, str]]:
    from pytest_llmupgrade.plugin.collect import EvalFile

    for item in items:
        callspec = getattr(item, "callspec", None)
        if isinstance(item.parent, EvalFile) and callspec is not None and "llm_model" in callspec.params:
            yield item.nodeid, callspec.params["llm_model"]


def plan_of_worker(node: Any, ids: Sequence[str]) -> None:
    """Note what the workers selected: all of them the same, so the first one's word is enough."""
    session: LlmSession = node.config.stash[SESSION]
    if not session.planned:
        session.plan(_eval_ids(ids, session.options))


def _eval_ids(ids: Iterable[str], options: Any) -> Iterator[tuple[str, str]]:
    """Tell eval items by their file's name and their model: a controller has ids only, no items."""
    from fnmatch import fnmatch

    known: dict[str, bool] = {}
    for nodeid in ids:
        file = nodeid.partition("::")[0]
        name = file.rpartition("/")[2]
        if name not in known:
            known[name] = any(fnmatch(name, pattern) for pattern in options.files)
        if known[name]:
            inner = nodeid.rpartition("[")[2].removesuffix("]")
            model = next(
                (model for model in options.models if inner == model or inner.startswith(f"{model}-")), None
            )
            if model is not None:
                yield nodeid, model


# --- before the first item -------------------------------------------------------------------------


def prepare(session: pytest.Session) -> None:
    """Start what the selected items need, while nothing is captured yet."""
    config = session.config
    state = config.stash[SESSION]
    if state.planned and not _calls_nothing(config) and not session.testsfailed:
        with_usage_errors(state.start_local, _progress(config))


def configure_node(node: Any) -> None:
    """Start the local models in xdist's controller and tell its worker their addresses."""
    state: LlmSession = node.config.stash[SESSION]
    if state.options.models and not _calls_nothing(node.config):
        with_usage_errors(state.start_local, _progress(node.config))
    node.workerinput["llmupgrade_local_urls"] = dict(state.local_urls)


def _progress(config: pytest.Config) -> Any:
    reporter = config.pluginmanager.get_plugin("terminalreporter")

    def show(line: str) -> None:
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(line)

    return show

"""How a run is planned and prepared, in one process and beside xdist."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.plugin.collect import EvalFile
from pytest_llmupgrade.plugin.failing import warning_before
from pytest_llmupgrade.plugin.faulty import report_from_worker
from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.plugin.start import calls_nothing, with_usage_errors
from pytest_llmupgrade.plugin.telling import told_case, variant_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pytest_llmupgrade.plugin.session import LlmSession


def plan(session: pytest.Session) -> None:
    """Note what was selected, once the selection is final."""
    session.config.stash[SESSION].plan(_eval_items(session.items))


def _eval_items(items: Iterable[pytest.Item]) -> Iterator[tuple[str, str]]:
    for item in items:
        column = variant_of(item)
        if isinstance(item.parent, EvalFile) and column is not None:
            yield item.nodeid, column.name


def plan_of_worker(node: Any, ids: Sequence[str]) -> None:
    """Note what the workers selected: all of them the same, so the first one's word is enough."""
    session: LlmSession = node.config.stash[SESSION]
    if not session.planned:
        session.plan(_eval_ids(ids, session.options.files, session.columns))
        _warn_before(node.config)


def _eval_ids(
    ids: Iterable[str], files: Iterable[str], columns: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Tell eval items by their file's name and their column: a controller has ids only, no items."""
    longest_first = sorted(columns, key=len, reverse=True)
    globs = tuple(files)
    known: dict[str, bool] = {}
    for nodeid in ids:
        file = nodeid.partition("::")[0]
        name = file.rpartition("/")[2]
        if name not in known:
            known[name] = any(fnmatch(name, pattern) for pattern in globs)
        if known[name]:
            # between the parameters' ids, of which fixtures of the project may add some before and behind
            inner = f"-{nodeid.rpartition('[')[2].removesuffix(']')}-"
            column = next((one for one in longest_first if f"-{one}-" in inner), None)
            if column is not None:
                yield nodeid, column


# --- before the first item -------------------------------------------------------------------------


def prepare(session: pytest.Session) -> None:
    """Start what the selected items need, while nothing is captured yet."""
    config = session.config
    state = config.stash[SESSION]
    if state.options.estimate:
        return
    if state.planned and not calls_nothing(config) and not session.testsfailed:
        try:
            with_usage_errors(_check_prompts, session.items, state)
            with_usage_errors(state.live.start_local, _progress(config))
            with_usage_errors(state.live.prefetch, session.items, _progress(config))
        except pytest.UsageError as error:
            if not hasattr(config, "workerinput"):
                raise
            report_from_worker(session, str(error))  # xdist takes an exception here for a crash
            state.live.close()
        _warn_before(config)


def _check_prompts(items: Iterable[pytest.Item], state: LlmSession) -> None:
    """Raise UsageError for `--llm-prompts` where it would run everything several times alike."""
    cases = [case for case in map(told_case, items) if case is not None] if state.options.prompts else []
    if cases and all(case.told is None for case in cases):
        raise UsageError(
            "--llm-prompts: none of the selected cases has a prompt; write prompt: NAME into the file"
        )


def _warn_before(config: pytest.Config) -> None:
    """Say up front what no answers whatever could show."""
    warning = None if hasattr(config, "workerinput") else warning_before(config.stash[SESSION])
    if warning is not None and config.getoption("verbose") >= 0:
        _progress(config)(f"llmupgrade: {warning}")


def stop(session: pytest.Session) -> None:
    """Give up what no item will ask for any more: after -x, --maxfail or Ctrl-C."""
    session.config.stash[SESSION].live.stop()


def stop_if_over(session: pytest.Session | None) -> None:
    """Give up at once what -x or --maxfail has made vain: xdist waits for its workers, and these for their calls."""
    if session is not None and (session.shouldfail or session.shouldstop):
        stop(session)


def reached(config: pytest.Config, nodeid: str) -> None:
    """Let the calls ahead of an item go on."""
    config.stash[SESSION].live.reached(nodeid)


def configure_node(node: Any) -> None:
    """Start the local models in xdist's controller and tell its worker their addresses."""
    state: LlmSession = node.config.stash[SESSION]
    if state.options.models and not calls_nothing(node.config):
        with_usage_errors(state.live.start_local, _progress(node.config))
        node.workerinput["llmupgrade_broker"] = state.live.serve()
    node.workerinput["llmupgrade_local_urls"] = dict(state.live.local_urls)


_CALLS = "llmupgrade_calls"


def hand_over_calls(config: pytest.Config) -> None:
    """Tell the controller of xdist what a worker called by itself, on another host."""
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if output is not None and config.stash[SESSION].live.has_called:
        counts = config.stash[SESSION].live.counts()
        output[_CALLS] = {**asdict(counts), "spent_usd": str(counts.spent_usd), "budget_usd": None}


def take_over_calls(node: Any) -> None:
    """Count what a worker called by itself; one that was killed says nothing."""
    plain = getattr(node, "workeroutput", {}).get(_CALLS)
    if plain is not None:
        from pytest_llmupgrade.run.summary import CallCounts

        notices, spent = tuple(plain["notices"]), Decimal(plain["spent_usd"])
        counts = CallCounts(**{**plain, "notices": notices, "spent_usd": spent})
        node.config.stash[SESSION].live.elsewhere.append(counts)


def _progress(config: pytest.Config) -> Any:
    reporter = config.pluginmanager.get_plugin("terminalreporter")

    def show(line: str) -> None:
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(line)

    return show

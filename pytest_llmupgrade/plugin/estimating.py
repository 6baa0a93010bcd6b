"""`--llm-estimate`: says what a run would call, and runs nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.model import Completion
from pytest_llmupgrade.plugin.calls import store_path
from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.plugin.prefetch import planned_calls
from pytest_llmupgrade.plugin.start import with_usage_errors
from pytest_llmupgrade.prices import CHARS_PER_TOKEN
from pytest_llmupgrade.run.estimate import OUTPUT_TOKENS, Ask, estimate, estimate_lines
from pytest_llmupgrade.store import Store
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.engine.flight import Planned
    from pytest_llmupgrade.model import Request
    from pytest_llmupgrade.plugin.session import LlmSession

_UNKNOWN = Completion(text="x" * (CHARS_PER_TOKEN * OUTPUT_TOKENS))
"""Stands for an answer that is not there yet, so that the judge's prompt has its length."""


class EstimateHooks:
    """In place of running the items."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Print the estimate; True: the items are done with."""
        with_usage_errors(print_estimate, session)
        return True


def print_estimate(session: pytest.Session) -> None:
    """Write what the selected items would call."""
    state: LlmSession = session.config.stash[SESSION]
    options = state.options
    planned = list(planned_calls(session.items, state.specs, state.judge_settings, repeat=options.repeat))
    once = {one.request.key: one for one in planned}  # several columns may ask the same
    store = _store(session.config, state)
    try:
        asks = [ask for one in once.values() for ask in _asks(one, store, fresh=options.fresh)]
    finally:
        if store is not None:
            store.close()
    shares = estimate(asks, state.cost_usd)
    roles = {state.judge_model: "(judge)"} if state.judge_model else {}
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    reporter.ensure_newline()
    reporter.write_sep("=", "LLM estimate: nothing is called")
    for line in estimate_lines(shares, roles):
        reporter.write_line(line)
    left = len(session.items) - len({one.owner for one in planned})
    if left:
        reporter.write_line(
            f"{plural(left, 'item')} not estimated: Python tests, a target of your own, or marks that may skip"
        )


def _store(config: pytest.Config, state: LlmSession) -> Store | None:
    path = store_path(config, state.options)
    return Store.open(path) if path.is_file() else None


def _asks(planned: Planned, store: Store | None, *, fresh: bool) -> Iterator[Ask]:
    answer = store.get(planned.request.key) if store is not None else None
    yield _ask(planned.request, answer, fresh=fresh)
    for request in planned.after(answer or _UNKNOWN) if planned.after else ():
        vote = store.get(request.key) if store is not None and answer is not None else None
        yield _ask(request, vote, fresh=fresh)


def _ask(request: Request, answer: Completion | None, *, fresh: bool) -> Ask:
    return Ask(
        model=request.model,
        chars=len(json.dumps(request.body, ensure_ascii=False)),
        stored=answer.usage if answer is not None else None,
        free=answer is not None and not fresh,
    )

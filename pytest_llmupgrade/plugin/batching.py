"""`--llm-batch`: what the items will ask goes out by the provider's Batch API before the first of them runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.batch.ledger import Ledger
from pytest_llmupgrade.batch.runner import BatchRunner, Surroundings
from pytest_llmupgrade.wording import money, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_llmupgrade.engine.flight import Planned
    from pytest_llmupgrade.plugin.session import LlmSession

    Say = Callable[[str], object]


def folder_of(store: Path) -> Path:
    """Return where the open batches of a store are written down."""
    return store.with_name(f"{store.name}.batches")


def complete_by_batch(session: LlmSession, planned: Sequence[Planned], say: Say) -> None:
    """Have the planned calls answered by batches, so that the run finds the answers in its store."""
    calls = session.live.calls
    around = Surroundings(
        specs=session.specs,
        shelf=calls.store,
        ledger=Ledger(folder_of(calls.store.path)),
        provider=calls.provider,
        live=calls.engine.complete,
        cost=lambda model, usage: session.cost_usd(model, usage, batch=True),
        say=say,
        deadline_s=session.options.deadline_s,
    )
    runner = BatchRunner(around)
    runner.complete([(one.request, one.after) for one in planned])
    calls.batched = runner.answers
    calls.batched_usd = runner.spent_usd
    if runner.answers:
        say(
            f"llmupgrade: {plural(runner.answers, 'answer')} by batch, {money(runner.spent_usd)} at its price"
        )


def tell_of_open(session: LlmSession, say: Say) -> None:
    """Say that calls are under way in batches, which this run would pay for again."""
    entries = [
        entry
        for entry in Ledger(folder_of(session.live.calls.store.path)).entries()
        if entry.model in session.specs
    ]
    if entries:
        calls = plural(sum(entry.calls for entry in entries), "call")
        say(f"llmupgrade: {calls} handed in as a batch and not fetched yet: --llm-batch fetches them")

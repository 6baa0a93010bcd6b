"""The run as it is kept: the journal's file, its head and end; the shard; the baseline."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from pytest_llmupgrade.plugin.cache import cache_folder
from pytest_llmupgrade.plugin.keys import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.kept.wire import Head
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.run.record import Journal

HOOKS = "llmupgrade-kept"
KEPT_AS = pytest.StashKey[tuple[str, str]]()
"""On the config, once this run is kept: its name there, and when it began."""


class KeptHooks:
    """The hooks of a run that is kept."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the cases of other shards out."""
        shard = self._config.stash[SESSION].options.kept.shard
        if shard is not None:
            keep_shard(self._config, items, *shard)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the end of the kept run."""
        if not hasattr(self._config, "workerinput"):
            finish(self._config.stash[SESSION], session, exitstatus)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the run is kept, if the user named a file, or why it is not."""
        for line in told(self._config.stash[SESSION]):
            terminalreporter.write_line(line)


# --- the file --------------------------------------------------------------------------------------


def runs_folder(config: pytest.Config) -> Path:
    """Return the folder of kept runs in pytest's cache."""
    return cache_folder(config) / "runs"


def open_journal(config: pytest.Config, session: LlmSession) -> Journal:
    """Return the journal of a run; its file is made with the first record."""
    from pytest_llmupgrade.run.record import Journal

    return Journal(lambda: _open(config, session))


def _open(config: pytest.Config, session: LlmSession) -> IO[bytes]:
    from pytest_llmupgrade.kept import places
    from pytest_llmupgrade.kept.wire import head_line

    now = dt.datetime.now(dt.UTC)
    path = session.options.kept.keep
    if path is not None:
        stream = places.open_new(config.invocation_params.dir / path)
    else:
        folder = runs_folder(config)
        stream = places.open_new(places.new_place(folder, now, os.getpid()))
        places.prune(folder)
    head = _head(session, now)
    stream.write(head_line(head))
    config.stash[KEPT_AS] = (Path(stream.name).stem, head.created)
    return stream


def _head(session: LlmSession, now: dt.datetime) -> Head:
    from pytest_llmupgrade import __version__
    from pytest_llmupgrade.judges.identity import judge_identity
    from pytest_llmupgrade.kept.standing_in import stand_in
    from pytest_llmupgrade.kept.wire import Head, Shard

    shard = session.options.kept.shard
    return Head(
        created=now.isoformat(timespec="seconds"),
        plugin_version=__version__,
        models=tuple(session.columns),
        planned=dict(session.planned),
        judge=judge_identity(session.judge_settings) if session.judge_settings else None,
        shard=Shard(number=shard[0], count=shard[1]) if shard else None,
        margin=session.options.verdict.margin,
        look=session.options.verdict.look,
        baseline=stand_in(session.baseline.run, session.root) if session.baseline else None,
    )


def check_keep(config: pytest.Config, session: LlmSession) -> None:
    """Raise UsageError where `--llm-keep` would overwrite another file."""
    from pytest_llmupgrade.kept.places import check_replaceable

    path = session.options.kept.keep
    if path is not None:
        check_replaceable(config.invocation_params.dir / path)


def finish(session: LlmSession, running: pytest.Session, exitstatus: int) -> None:
    """Write the end of a run that recorded anything, or that a file was named for: a shard may be empty."""
    if not session.options.models or not (session.has_records or session.options.kept.keep):
        return
    from pytest_llmupgrade.kept.wire import End, end_line
    from pytest_llmupgrade.plugin.reporting import exit_reason

    calls = session.live.counts()
    end = End(
        exit_reason=exit_reason(running, exitstatus),
        planned=dict(session.planned),
        live=calls.live,
        stored=calls.stored,
        retried=calls.retried,
        spent_usd=calls.spent_usd,
    )
    session.journal.end(end_line(end))


def told(session: LlmSession) -> Iterator[str]:
    """Yield what the user should hear about the kept run."""
    if session.has_records and session.journal.fault is not None:
        yield f"this run is not kept: {session.journal.fault}"
    elif session.options.models and session.options.kept.keep is not None:
        yield f"run kept in {session.options.kept.keep}"


# --- the shard -------------------------------------------------------------------------------------


def keep_shard(config: pytest.Config, items: list[pytest.Item], number: int, count: int) -> None:
    """Deselect what asks models and belongs to another shard; all models of a case stay together."""
    from pytest_llmupgrade.kept.shards import shard_of
    from pytest_llmupgrade.plugin.telling import variant_of

    others = [
        item for item in items if variant_of(item) is not None and shard_of(case_name(item), count) != number
    ]
    if others:
        config.hook.pytest_deselected(items=others)
        gone = set(others)
        items[:] = [item for item in items if item not in gone]


def case_name(item: pytest.Item) -> str:
    """Return an item's name without its parameters: the same for every model."""
    return f"{item.nodeid.partition('::')[0]}::{getattr(item, 'originalname', item.name)}"

"""`--llm-decision`: what the run decided, as a file that a rollout names as its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.decisions.files import check_decision_path, write_decision
from pytest_llmupgrade.decisions.making import make_decision
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.plugin.failing import incumbent_of
from pytest_llmupgrade.plugin.kept import KEPT_AS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from pytest_llmupgrade.decisions.wire import DecisionFile
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.run.record import Row
    from pytest_llmupgrade.run.summary import Summary

_FLAG = "--llm-decision="


def check_decision(session: LlmSession, path: Path) -> None:
    """Raise UsageError where this run can decide nothing, or the file would overwrite another."""
    if incumbent_of(session) is None:
        raise UsageError(f"{_FLAG}{path} needs an incumbent and a candidate: --llm-models=OLD,NEW")
    if session.options.kept.shard is not None:
        raise UsageError(
            f"{_FLAG}{path}: a shard decides nothing by itself; leave it out here, and write "
            f"llmupgrade merge RUN... --decision {path}"
        )
    check_decision_path(path, flag=_FLAG)


def tell_decision(reporter: pytest.TerminalReporter, summary: Summary, session: LlmSession) -> None:
    """Write the decision file; what cannot be written costs a line, not the run."""
    path = session.options.verdict.decision
    assert path is not None  # noqa: S101  asked for, else nobody calls this
    try:
        write_decision(path, _decision(summary, session, *_kept(reporter.config, summary)))
    except UsageError as error:
        reporter.write_line(f"{_FLAG}{path}: not written: {error}", red=True)
    except OSError as error:
        reporter.write_line(f"{_FLAG}{path}: not written: {error.strerror}", red=True)
    else:
        reporter.write_line(f"decision written to {path}")


def _kept(config: pytest.Config, summary: Summary) -> tuple[str, str]:
    return config.stash.get(KEPT_AS, ("", summary.created))


def _decision(summary: Summary, session: LlmSession, name: str, created: str) -> DecisionFile:
    runs = [name, *([session.baseline.run.path.stem] if session.baseline else [])]
    return make_decision(
        summary,
        _rows(session),
        created=created,
        runs=[run for run in runs if run],
        gate=session.settings.gate,
        wire_name=lambda name: session.settings.spec(name).wire_name,
    )


def _rows(session: LlmSession) -> Iterator[Row]:
    if session.baseline is not None:
        yield from session.baseline.column(session).rows()
    yield from session.journal.rows.values()

"""From pytest's reports to records, and from records to what the run says at its end.

A record travels as a line of JSON on the TestReport, one path with and without xdist: what xdist sends, execnet writes
value by value in Python, which for a dict of a record takes longer than judging the answer did.
"""

from __future__ import annotations

import datetime as dt
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.plugin.collect import EvalFile
from pytest_llmupgrade.plugin.failing import rule_of, with_breaches
from pytest_llmupgrade.plugin.judge_note import with_judge
from pytest_llmupgrade.plugin.keys import SESSION, TRIAL
from pytest_llmupgrade.plugin.telling import told_case, variant_of
from pytest_llmupgrade.plugin.trial import CaseMissed, Trial, record_of
from pytest_llmupgrade.providers.quoting import without_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.run.summary import Summary

RECORD = "llmupgrade_record"
"""The attribute of a TestReport that carries a record; gone once the record is kept."""


def hide_callspecs(session: pytest.Session) -> None:
    """Let VS Code list the items: its discovery dies on any item with a callspec that is not in a .py file."""
    if session.config.pluginmanager.has_plugin("vscode_pytest") and session.config.getoption("collectonly"):
        for item in session.items:
            if isinstance(item.parent, EvalFile):
                item.__dict__.pop("callspec", None)


# --- records ---------------------------------------------------------------------------------------


def attach_record(
    report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[Any]
) -> pytest.TestReport:
    """Put the record on the report that ends an attempt, and give our own errors a readable face."""
    if call.excinfo is not None and isinstance(call.excinfo.value, (CaseMissed, LlmUpgradeError)):
        _plain_face(report, item, call.excinfo)
    if report.when == "call" or (report.when == "setup" and not report.passed):
        record = _record(report, item, call)
        if record is not None:
            from pytest_llmupgrade.codec import record_to_line

            setattr(report, RECORD, record_to_line(record))
            kept = [entry for entry in item.user_properties if entry[0] not in _PROPERTIES]
            item.user_properties[:] = [*kept, *_properties(record)]  # JUnit reads them after the teardown
    return report


def _record(report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[Any]) -> Record | None:
    trial = item.stash.get(TRIAL, None) or _unstarted(item)
    if trial is None:
        return None
    if TRIAL in item.stash:
        del item.stash[TRIAL]  # a rerun starts afresh
    error = call.excinfo.value if call.excinfo else None
    skipped = isinstance(error, pytest.skip.Exception)
    reason = _skip_reason(report, error) if skipped else getattr(report, "wasxfail", "")
    spec = item.config.stash[SESSION].specs.get(trial.model)
    return record_of(trial, item, error, spec=spec, skipped=skipped, reason=reason)


def _unstarted(item: pytest.Item) -> Trial | None:
    """Return an empty trial for an eval item that a mark or another fixture ended before it asked."""
    case, column = told_case(item), variant_of(item)
    if case is None or column is None:
        return None
    return Trial(model=column.model, version=column.version, case=case)


def _skip_reason(report: pytest.TestReport, error: BaseException | None) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(error)


_PROPERTIES = frozenset(
    (
        "llm_model",
        "llm_prompt",
        "llm_outcome",
        "llm_cost_usd",
        "llm_input_tokens",
        "llm_output_tokens",
        "llm_latency_ms",
    )
)


def _properties(record: Record) -> Iterator[tuple[str, object]]:
    """Yield JUnit properties: strings and numbers only."""
    yield _property("llm_model", record.model)
    if record.prompt is not None:
        yield _property("llm_prompt", f"{record.prompt.name}: {record.prompt.version}")
    yield _property("llm_outcome", record.outcome)
    if record.cost_usd is not None:
        yield _property("llm_cost_usd", str(record.cost_usd))
    if record.usage is not None:
        yield _property("llm_input_tokens", record.usage.input_tokens)
        yield _property("llm_output_tokens", record.usage.output_tokens)
    if record.latency_ms is not None:
        yield _property("llm_latency_ms", round(record.latency_ms, 1))


@lru_cache(maxsize=1024)
def _property(name: str, value: object) -> tuple[str, object]:
    """Return a property, the same object for the same words: pytest keeps those of every item to the end."""
    return name, value


def _plain_face(report: pytest.TestReport, item: pytest.Item, excinfo: pytest.ExceptionInfo[Any]) -> None:
    """Show the message alone: a miss or a failed call has no traceback that would help."""
    # The native style is the one that no pytest colours as if the text were Python.
    face: Any = excinfo.getrepr(style="native")
    face.reprtraceback.reprentries[0].lines = [f"{without_keys(str(excinfo.value))}\n"]
    if face.reprcrash is not None:
        path, line, _ = item.reportinfo()
        face.reprcrash.path, face.reprcrash.lineno = str(path), (line or 0) + 1
        face.reprcrash.message = _summary_line(excinfo.value)
    if not hasattr(report, "wasxfail"):
        report.longrepr = face


def _summary_line(error: BaseException) -> str:
    lines = without_keys(str(error)).splitlines() or [type(error).__name__]
    return next((line.strip() for line in lines if line.lstrip().startswith("missed ")), lines[0])


def keep_record(config: pytest.Config, report: pytest.TestReport) -> None:
    """Keep a report's record in the controller's journal, and account for a crashed worker's item."""
    if hasattr(config, "workerinput"):
        return
    session = config.stash[SESSION]
    line = report.__dict__.pop(RECORD, None)
    if line is not None:
        session.planned_ids.pop(report.nodeid, None)
        session.journal.append_line(line, report.nodeid)
    elif _is_crash(report) and report.nodeid in session.planned_ids:
        session.journal.append(_crashed(report, session))


def _is_crash(report: pytest.TestReport) -> bool:
    """Tell xdist's own report of an item whose worker died; its phase is none of pytest's."""
    return report.failed and report.when not in ("setup", "call", "teardown")


def _crashed(report: pytest.TestReport, session: LlmSession) -> Record:
    from pytest_llmupgrade.model import Record, RecordedError

    column = session.columns[session.planned_ids.pop(report.nodeid)]
    file = report.nodeid.partition("::")[0]
    return Record(
        case_id=report.nodeid.rpartition("[")[0],
        nodeid=report.nodeid,
        file=file,
        line=0,
        model=column.model,
        asked_version=column.version,
        outcome="errored",
        error=RecordedError(kind="crash", message="the worker that ran this item crashed"),
    )


# --- the end of the run ----------------------------------------------------------------------------


def summary_of(session: LlmSession, exit_reason: str) -> Summary:
    """Return the summary of everything kept so far."""
    from pytest_llmupgrade.run.summarise import summarise
    from pytest_llmupgrade.run.summary import Planned

    rows = tuple(session.journal.rows.values())
    places = {(row.case_id, row.model): row for row in rows}
    column = session.baseline.column(session) if session.baseline else None  # the incumbent, kept from before
    before = {row.case_id: row for row in column.rows()} if column else {}

    def read(case: str, model: str) -> Record:
        if column is not None and model == column.shown:
            return column.read(before[case])
        return session.journal.read(places[case, model])

    summary = summarise(
        (*before.values(), *rows),
        Planned(by_model={**({column.shown: column.planned} if column else {}), **session.planned}),
        models=(*([column.shown] if column else []), *session.columns),
        read=read,
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        exit_reason=exit_reason,
        calls=session.live.counts(),
        rule=rule_of(session),
    )
    return with_breaches(
        session, with_judge(session, summary.with_traffic(session.settings.monthly_requests))
    )


def print_summary(reporter: pytest.TerminalReporter, running: pytest.Session | None, exitstatus: int) -> None:
    """Print the summary and write the reports that were asked for."""
    config = reporter.config
    session = config.stash[SESSION]
    if not session.options.models or not session.has_records:
        return
    summary = summary_of(session, exit_reason(running, exitstatus))
    from pytest_llmupgrade.plugin.output import write_reports, write_terminal

    write_terminal(reporter, summary)
    write_reports(reporter, summary, session)
    if session.options.verdict.decision is not None:
        from pytest_llmupgrade.plugin.deciding import tell_decision

        tell_decision(reporter, summary, session)
    if "GITHUB_STEP_SUMMARY" in os.environ or "GITHUB_ACTIONS" in os.environ:
        from pytest_llmupgrade.plugin.github import tell_github

        tell_github(reporter, summary)


def exit_reason(running: pytest.Session | None, exitstatus: int) -> str:
    """Return in words how a run ended; the exit status of one that -x stopped is that of one with failures."""
    stopped = running is not None and bool(running.shouldfail or running.shouldstop)
    ended = {2: "interrupted", 3: "internal error"}.get(int(exitstatus), "finished")
    return "interrupted" if stopped and ended == "finished" else ended

"""What a run leaves on GitHub: the report in the job's summary, and a warning at each case that broke.

Words of the workflow commands: https://docs.github.com/actions/reference/workflow-commands (seen 2026-11).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_llmupgrade.run.report.markdown import markdown_lines
from pytest_llmupgrade.wording import inert, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.summary import Summary

MOST = 10
"""Warnings of one step that GitHub shows."""
_LONGEST = 300


def tell_github(reporter: pytest.TerminalReporter, summary: Summary) -> None:
    """Write the job's summary where GitHub asks for one, and warnings where its runner reads them."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            with Path(path).open("a", encoding="utf-8") as stream:
                stream.writelines(f"{line}\n" for line in markdown_lines(summary))
        except OSError as error:
            reporter.write_line(f"GITHUB_STEP_SUMMARY: not written: {error.strerror}", red=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        reporter.ensure_newline()
        for line in workflow_commands(summary):
            reporter.write_line(line)


def workflow_commands(summary: Summary) -> Iterator[str]:
    """Yield workflow commands: an error for what fails the run as a whole, a warning for each case that broke."""
    for breach in summary.breaches[:MOST]:
        yield f"::error title=LLM upgrade::{_message(breach)}"
    broke = [flip.candidate for comparison in summary.comparisons for flip in comparison.broke]
    for record in broke[:MOST]:
        yield _warning(record)


def _warning(record: Record) -> str:
    missed = [judgement for judgement in record.judgements if not judgement.passed]
    why = "; ".join(f"{judgement.judge}: {judgement.reason.partition(chr(10))[0]}" for judgement in missed)
    name = record.case_id.rpartition("::")[2]
    return at_line("warning", record.file, record.line, title=f"{name} broke on {record.model}", message=why)


def at_line(kind: Literal["error", "warning"], file: str, line: int, *, title: str, message: str) -> str:
    """Return the workflow command that shows a message at a line of a file."""
    return f"::{kind} file={_property(file)},line={line},title={_property(title)}::{_message(message)}"


def _message(text: str) -> str:
    """Return a text that cannot end its command or begin another."""
    return (
        shorten(inert(printable(text)), _LONGEST)
        .replace("%", "%25")
        .replace("\r", "%0D")
        .replace("\n", "%0A")
    )


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")

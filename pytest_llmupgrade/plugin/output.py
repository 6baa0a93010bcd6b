"""Where the reports go: pytest's terminal and the files of `--llm-report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade import __version__
from pytest_llmupgrade.run.report.formats import report_texts
from pytest_llmupgrade.run.report.terminal import terminal_lines
from pytest_llmupgrade.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.run.report.spans import Style
    from pytest_llmupgrade.run.summary import Summary

MARKUP: Mapping[Style, Mapping[str, bool]] = {
    "": {},
    "bold": {"bold": True},
    "dim": {"light": True},
    "good": {"green": True},
    "bad": {"red": True},
    "warn": {"yellow": True},
}


def write_terminal(reporter: pytest.TerminalReporter, summary: Summary) -> None:
    """Write the summary below pytest's own."""
    writer = reporter._tw  # noqa: SLF001  pytest gives plugins no other way to write a part of a line in colour
    title = " to ".join((summary.models[0].name, ", ".join(model.name for model in summary.models[1:])))
    reporter.write_sep("=", shorten(f"LLM upgrade: {title.removesuffix(' to ')}", writer.fullwidth - 6))
    for line in terminal_lines(summary, width=writer.fullwidth, verbosity=reporter.verbosity):
        for span in line:
            writer.write(span.text, **MARKUP[span.style])
        writer.line()


def write_reports(reporter: pytest.TerminalReporter, summary: Summary, session: LlmSession) -> None:
    """Write each file of `--llm-report`; a path that cannot be written costs a line, not the run."""
    from pytest_llmupgrade.prices import prices_version

    versions = {"plugin_version": __version__, "prices_version": prices_version()}
    for path in session.options.reports:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8") as stream:
                records = session.journal.records()
                stream.writelines(report_texts(path.suffix, summary, records, versions=versions))
        except OSError as error:
            reporter.write_line(f"--llm-report={path}: not written: {error.strerror}", red=True)
        else:
            reporter.write_line(f"report written to {path}")

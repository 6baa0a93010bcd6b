"""The formats of a report by the suffix of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.summary import Summary

    Write = Callable[..., Iterator[str]]

SUFFIXES = (".json", ".md", ".html")


def report_texts(
    suffix: str, summary: Summary, records: Iterable[Record], *, versions: Mapping[str, str | None]
) -> Iterator[str]:
    """Yield the pieces of a report's text, in the format that a suffix of SUFFIXES names."""
    if suffix == ".md":
        from pytest_llmupgrade.run.report.markdown import markdown_lines

        yield from (f"{line}\n" for line in markdown_lines(summary))
    elif suffix == ".html":
        from pytest_llmupgrade.run.report.html_report import html_lines

        yield from html_lines(summary, records, versions=versions)
    else:
        from pytest_llmupgrade.run.report.json_report import json_lines

        yield from json_lines(summary, records, versions=versions)

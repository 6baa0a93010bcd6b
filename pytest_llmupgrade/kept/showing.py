"""A joined run on a terminal and in report files."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_llmupgrade.kept.joining import Joined
    from pytest_llmupgrade.run.report.spans import Style

_COLOURS: Mapping[Style, str] = {"bold": "1", "dim": "2", "good": "32", "bad": "31", "warn": "33"}


def lines(joined: Joined, *, width: int | None = None, colour: bool = False) -> Iterator[str]:
    """Yield the report as the terminal of a pytest run shows it."""
    from pytest_llmupgrade.run.report.terminal import terminal_lines

    columns = width or shutil.get_terminal_size((100, 24)).columns
    for line in terminal_lines(joined.summary, width=columns):
        yield "".join(_styled(span.text, span.style, colour=colour) for span in line).rstrip()


def _styled(text: str, style: Style, *, colour: bool) -> str:
    code = _COLOURS.get(style) if colour else None
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def check_reports(paths: Sequence[Path]) -> None:
    """Raise UsageError where a suffix names no format."""
    from pytest_llmupgrade.run.report.formats import SUFFIXES

    for path in paths:
        if path.suffix not in SUFFIXES:
            raise UsageError(f"--report={path}: the suffix names the format; known: {', '.join(SUFFIXES)}")


def texts(joined: Joined, kind: str, *, colour: bool) -> Iterator[str]:
    """Yield the pieces of a report: 'terminal', 'md', 'json' or 'html'."""
    from pytest_llmupgrade.run.report.formats import report_texts

    if kind == "terminal":
        return (f"{line}\n" for line in lines(joined, colour=colour))
    return report_texts(f".{kind}", joined.summary, joined.records(), versions=_versions())


def _versions() -> Mapping[str, str | None]:
    from pytest_llmupgrade import __version__
    from pytest_llmupgrade.prices import prices_version

    return {"plugin_version": __version__, "prices_version": prices_version()}


def write_reports(joined: Joined, paths: Sequence[Path]) -> None:
    """Write the report to each path, in the format that its suffix names."""
    from pytest_llmupgrade.run.report.formats import report_texts

    for path in paths:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8") as stream:
                stream.writelines(
                    report_texts(path.suffix, joined.summary, joined.records(), versions=_versions())
                )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a path that cannot be written into a UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None

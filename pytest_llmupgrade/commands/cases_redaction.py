"""What `llmupgrade cases` redacts with: the patterns, the project's own function, a library."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.logs.redact import Redactor
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_llmupgrade.logs.redact import Span


def redactor_of(own: str | None, language: str | None, warn: Callable[[str], None]) -> Redactor:
    """Return what redacts; `own` is MODULE:FUNCTION, `language` that of --pii; UsageError where either is not there."""
    return Redactor(_own(own), _library(language, warn))


def _own(named: str | None) -> Callable[[str], str] | None:
    if named is None:
        return None
    module, colon, name = named.partition(":")
    if not colon or not name.isidentifier():
        raise UsageError(f"--redact {named}: write module:function")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        function: Callable[[str], str] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--redact {named}: {one_line(str(error))}") from None
    return lambda text: _asked(function, named, text)


def _library(language: str | None, warn: Callable[[str], None]) -> Callable[[str], Sequence[Span]] | None:
    if language is None:
        return None
    from pytest_llmupgrade.logs.pii import finder

    return finder(language, warn)


def _asked(function: Callable[[str], str], named: str, text: str) -> str:
    """Return what the project's function makes of a text; its exception is named without the text that is in it."""
    try:
        clean = function(text)
    except Exception as error:  # noqa: BLE001  whatever the project's code raises
        raise UsageError(f"--redact {named}: raised {type(error).__name__}; nothing was written") from None
    if not isinstance(clean, str):
        raise UsageError(
            f"--redact {named}: returned {type(clean).__name__}, not a text; nothing was written"
        )
    return clean

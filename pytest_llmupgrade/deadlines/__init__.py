"""When models are shut down: dated data, names matched to it, and what to say of it."""

from __future__ import annotations

from pytest_llmupgrade.deadlines.match import Match, Table, find, shipped
from pytest_llmupgrade.deadlines.names import provider_at
from pytest_llmupgrade.deadlines.notices import Notice, days_of, remarks, sentence, warning_lines, when
from pytest_llmupgrade.deadlines.table import Deadline, as_of

__all__ = [
    "Deadline",
    "Match",
    "Notice",
    "Table",
    "as_of",
    "days_of",
    "find",
    "provider_at",
    "remarks",
    "sentence",
    "shipped",
    "warning_lines",
    "when",
]

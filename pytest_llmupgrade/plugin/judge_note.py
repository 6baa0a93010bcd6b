"""What a report says of the judge behind `llm_judge`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.run.summary import Summary


def with_judge(session: LlmSession, summary: Summary) -> Summary:
    """Add how far the judge agreed with people, or that it is uncalibrated, where it judged anything."""
    if not summary.judge_models or session.judge_settings is None:
        return summary
    from pytest_llmupgrade.calibration.record import FILE, quoted, read_calibrations
    from pytest_llmupgrade.errors import UsageError
    from pytest_llmupgrade.judges.identity import judge_identity

    try:
        note = quoted(judge_identity(session.judge_settings), read_calibrations(session.root / FILE))
    except UsageError as error:
        note = str(error)
    calls = replace(summary.calls, notices=(*summary.calls.notices, note))
    return replace(summary, calls=calls)

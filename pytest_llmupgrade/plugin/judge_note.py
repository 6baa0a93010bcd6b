"""What a report says of the judge behind `llm_judge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.run.summary import Summary


def with_judge(session: LlmSession, summary: Summary) -> Summary:
    """Add how far the judge agreed with people, or that it is uncalibrated, where it judged anything."""
    if not summary.judge_models or session.judge_settings is None:
        return summary
    from pytest_llmupgrade.calibration.quoting import with_trust
    from pytest_llmupgrade.judges.identity import judge_identity

    return with_trust(summary, judge_identity(session.judge_settings), session.root)

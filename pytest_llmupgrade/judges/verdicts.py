"""The two words of a judge."""

from __future__ import annotations

from pytest_llmupgrade.model import Verdict


def hit(reason: str) -> Verdict:
    """Return a pass and why; under `not:` the reason tells what should not have been."""
    return Verdict(passed=True, reason=reason)


def miss(reason: str) -> Verdict:
    """Return a miss and why; the first line stands in summaries."""
    return Verdict(passed=False, reason=reason)

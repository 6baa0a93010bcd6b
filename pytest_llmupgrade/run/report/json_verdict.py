"""A verdict as JSON, the same of two models and of two prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_llmupgrade.verdict import Decision


def verdict_of(decision: Decision) -> dict[str, Any]:
    """Return the verdict; `interval` is the one that it rests on, at `confidence`."""
    found = decision.interval
    return {
        "difference": found.estimate if found else None,
        "interval": [found.low, found.high] if found else None,
        "confidence": decision.confidence,
        "margin": decision.margin,
        "verdict": decision.verdict,
        "more_cases_needed": decision.more_cases_needed,
        "together": decision.together,
    }

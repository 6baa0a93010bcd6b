"""Statistics, pure and of the standard library alone; each formula names its source."""

from __future__ import annotations

from pytest_llmupgrade.stats.proportions import Interval, quantile, wilson

__all__ = ["Interval", "quantile", "wilson"]

"""What an estimate is: a number between its bounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between its bounds, all in the estimate's own unit."""

    estimate: float
    low: float
    high: float

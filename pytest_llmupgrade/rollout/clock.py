"""Time as a router knows it; a simulation brings its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Three functions, in seconds."""

    unix: Callable[[], float] = time.time
    """Since 1970: when something happened."""
    running: Callable[[], float] = time.perf_counter
    """From some point on: how long something took."""
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()

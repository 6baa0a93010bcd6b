"""What a terminal report is made of: lines of styled spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Style: TypeAlias = Literal["", "bold", "dim", "good", "bad", "warn"]

SHOWN = 10
"""So many of a list are shown; -v lists all."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line in one style."""

    text: str
    style: Style = ""


Line: TypeAlias = "tuple[Span, ...]"

"""Figures that scipy and statsmodels gave once; `_meta` in the file says which versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ORACLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "statistics_oracles.json").read_text(encoding="utf-8")
)
EXACT = 1e-9
SEARCHED = 1e-6  # both sides searched a root or a maximum

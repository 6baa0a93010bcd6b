"""Expected texts as files beside the tests: adding a test case is adding a file.

`LLMUPGRADE_GOLDEN=write pytest ...` writes what came; review it as any other change.
"""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(__file__).parent / "data"


def check(name: str, text: str) -> None:
    """Compare a text with the file of that name under tests/data."""
    path = DATA / name
    if os.environ.get("LLMUPGRADE_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")

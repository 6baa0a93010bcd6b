"""A rollout on disk for tests: its file, and records as processes leave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.rollout.rollups import Rollup, to_line
from tests.rollout.making import changed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_llmupgrade.rollout.rollups import Counts, Key


def write_rollout(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the documentation's rollout.yaml, changed, and return its path."""
    path = folder / "rollout.yaml"
    path.write_text(changed(*changes), encoding="utf-8")
    return path


def write_records(folder: Path, counts: Mapping[Key, Counts], *, process: str = "host-1-a") -> None:
    """Write counts as a process's rollups."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        Rollup(process=process, minute=29_900_000, through=0, rows=len(counts), key=key, counts=each)
        for key, each in counts.items()
    ]
    text = "".join(f"{to_line(row)}\n" for row in rows)
    (folder / f"rollups-{process}.jsonl").write_text(text, encoding="utf-8")

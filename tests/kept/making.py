"""Kept runs, written as a run writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.kept.reading import KeptRun, read_run
from pytest_llmupgrade.kept.wire import End, Head, end_line, head_line
from pytest_llmupgrade.model import Judgement, Record
from pytest_llmupgrade.run.record import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_llmupgrade.model import Outcome

FILE = "evals/eval_a.yaml"


def record(case: str, model: str, outcome: Outcome = "passed", **more: Any) -> Record:
    """Return a record of one case on one model."""
    return Record(
        case_id=f"{FILE}::{case}",
        nodeid=f"{FILE}::{case}[{model}]",
        file=FILE,
        line=3,
        model=model,
        outcome=outcome,
        **{
            "case_sha256": f"sha of {case}",
            "asked_sha256": f"sha of {case} as it is sent",
            "answer": f"{model} says {outcome}",
            "origin": "live",
            "judgements": (Judgement(judge="contains", passed=outcome == "passed", reason="it is"),),
            **more,
        },
    )


def head(models: Iterable[str] = ("old", "new"), **more: Any) -> Head:
    """Return a head."""
    return Head(created="2026-11-23T12:00:00+00:00", plugin_version="0.1.0", models=tuple(models), **more)


def keep(
    path: Path, records: Iterable[Record], kept_head: Head | None = None, end: End | None = None
) -> KeptRun:
    """Write a run and read it back."""

    def opened() -> Any:
        stream = path.open("w+b")
        stream.write(head_line(kept_head or head()))
        return stream

    journal = Journal(opened)
    for one in records:
        journal.append(one)
    journal.end(end_line(end or End()))
    journal.close()
    return read_run(path, shown=path.name)

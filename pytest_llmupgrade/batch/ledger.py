"""What was handed to a provider's Batch API and not fetched yet: files beside the response store.

A batch is written down before it is made, under a label that goes with it, so that a run that is killed in between
finds it again by that label.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.batch.lines import call_from_plain, plain_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_llmupgrade.batch.lines import BatchCall

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One batch."""

    path: Path
    model: str
    """The name in `--llm-models`, whose settings reach the provider."""
    address: str
    batch: str | None
    """The provider's name for it; None where the run was killed before it heard it."""
    calls: int

    @property
    def label(self) -> str:
        """Our name for it, which the provider keeps with it."""
        return self.path.stem


class Ledger:
    """The batches of one store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> tuple[Entry, ...]:
        """Return what is open, oldest first; files that are none of ours are passed over."""
        try:
            paths = sorted(self._folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
        except OSError:
            return ()
        return tuple(filter(None, map(_entry, paths)))

    def add(self, model: str, address: str, calls: Iterable[BatchCall]) -> Entry:
        """Write a batch down before it is made; OSError where that cannot be."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{uuid.uuid4().hex}.jsonl"
        lines = [json.dumps(plain_call(call)) for call in calls]
        head = {"version": _VERSION, "model": model, "address": address, "calls": len(lines)}
        _write(path, "\n".join([json.dumps(head), *lines, ""]))
        return Entry(path=path, model=model, address=address, batch=None, calls=len(lines))

    def name(self, entry: Entry, batch: str) -> Entry:
        """Write down what the provider calls a batch."""
        _write(entry.path.with_suffix(".id"), batch)
        return Entry(
            path=entry.path, model=entry.model, address=entry.address, batch=batch, calls=entry.calls
        )

    def calls(self, entry: Entry) -> Iterator[BatchCall]:
        """Yield the calls of a batch."""
        with entry.path.open(encoding="utf-8") as file:
            next(file)
            for line in file:
                yield call_from_plain(json.loads(line))

    def remove(self, entry: Entry) -> None:
        """Forget a batch whose answers are stored."""
        entry.path.unlink(missing_ok=True)
        entry.path.with_suffix(".id").unlink(missing_ok=True)


def _entry(path: Path) -> Entry | None:
    try:
        with path.open(encoding="utf-8") as file:
            head: Any = json.loads(file.readline())
        if head["version"] != _VERSION:
            return None
        named = path.with_suffix(".id")
        batch = named.read_text(encoding="utf-8").strip() if named.is_file() else None
        return Entry(
            path=path, model=head["model"], address=head["address"], batch=batch, calls=head["calls"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

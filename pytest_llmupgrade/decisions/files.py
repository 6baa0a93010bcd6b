"""Decision files on disk."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from pytest_llmupgrade.checked import checked
from pytest_llmupgrade.decisions.soundness import sound
from pytest_llmupgrade.decisions.wire import SCHEMA, DecisionFile
from pytest_llmupgrade.errors import Fault, FaultyFiles, UsageError
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 4_000_000


def decision_text(decision: DecisionFile) -> str:
    """Return a decision as the file's text: one field a line, so that a diff shows what changed."""
    return json.dumps(dataclasses.asdict(decision), indent=1, ensure_ascii=False, default=str) + "\n"


def write_decision(path: Path, decision: DecisionFile) -> None:
    """Write the file, whole or not at all; OSError where the disk does not take it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)  # a link that lies there would be written through
    new.write_text(decision_text(decision), encoding="utf-8", errors="backslashreplace")
    new.replace(path)


def read_decision(path: Path, *, shown: str) -> DecisionFile:
    """Read a decision file; FaultyFiles says what is wrong with it; `shown` is how messages call it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES)
        plain = json.loads(data, object_pairs_hook=_once)
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if schema != SCHEMA:
            raise ValueError(_other(schema))  # noqa: TRY301  one way out for all that is no decision
        return sound(checked(DecisionFile, plain))
    except OSError as error:
        raise FaultyFiles([Fault(shown, 0, f"cannot be read: {error.strerror or error}")]) from None
    except (ValueError, RecursionError) as error:
        what = shorten(one_line(str(error)), 200)
        raise FaultyFiles([Fault(shown, 0, f"no decision file: {what}")]) from None


def check_decision_path(path: Path, *, flag: str) -> None:
    """Raise UsageError where writing a decision would overwrite something else."""
    if path.suffix != ".json" or path.is_dir():
        raise UsageError(f"{flag}{path}: a decision is kept as JSON; name a file such as {flag}decision.json")
    if not path.exists():
        return
    with path.open("rb") as stream:
        start = stream.read(200)
    if start and b'"llmupgrade-decision/' not in start:
        raise UsageError(
            f"{flag}{path}: holds something else than a decision; name another file, or remove it"
        )


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object whose keys differ: of two verdicts a reviewer sees one, and JSON counts the other."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _other(schema: object) -> str:
    if schema == "llmupgrade-decision/1":
        return f"{schema} does not say what the models were sent; run the suite again with --llm-decision"
    if isinstance(schema, str) and schema.startswith("llmupgrade-decision/"):
        return f"schema {schema!r} is not read, {SCHEMA!r} is; upgrade pytest-llmupgrade"
    return f"its schema is not {SCHEMA!r}"

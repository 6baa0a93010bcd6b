"""An eval file that is there already: what it asks, and a text put in its place only where that loads."""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles, UsageError
from pytest_llmupgrade.importing.writing import scalar
from pytest_llmupgrade.logs.exchange import question_key
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.run.load.placeholders import fill
from pytest_llmupgrade.run.load.yaml_values import read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pytest_llmupgrade.logs.drafting import Draft
    from pytest_llmupgrade.model import Case

_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """A file to which cases are added."""

    text: str
    root: Any
    cases: Sequence[Case]
    ids: Collection[str]
    questions: Collection[int]
    judge: str | None
    """The file's default judge, where it is one by name."""

    def has_id_of(self, key: int) -> bool:
        """Tell whether a case was made of this question and its text edited since."""
        return any(name.endswith(f"-{key:016x}"[: _DIGITS + 1]) for name in self.ids)


def existing(path: Path) -> Existing:
    """Return a file with its cases; FaultyFiles where it does not load."""
    cases = load_suite(path, file=str(path))
    data = path.read_bytes()
    root, _faults = read_yaml(data, str(path))
    judge = root.get("judge")
    return Existing(
        text=data.decode("utf-8-sig"),
        root=root,
        cases=cases,
        ids=frozenset(case.id for case in cases),
        questions=frozenset(question_key(case.messages) for case in cases if _whole(case)),
        judge=judge if isinstance(judge, str) else None,
    )


def _whole(case: Case) -> bool:
    return all(isinstance(message.get("role"), str) for message in case.messages)


def loadable(drafts: Sequence[Draft], text: str, faults: Sequence[Fault]) -> tuple[list[Draft], list[Fault]]:
    """Return the drafts without those at fault, and what is wrong with these, at their line in the log."""
    lines = text.splitlines()
    places = {
        line.strip(): number for number, line in enumerate(lines, 1) if line.lstrip().startswith("- id: ")
    }
    starts = [places[f"- id: {scalar(draft.id)}"] for draft in drafts]
    wrong: dict[int, str] = {}
    for fault in faults:
        at = bisect_right(starts, fault.line) - 1
        if at >= 0:
            wrong.setdefault(at, fault.message)
    left = [draft for at, draft in enumerate(drafts) if at not in wrong]
    return left, [at_source(drafts[at], message) for at, message in wrong.items()]


def filled(drafts: Sequence[Draft], before: Existing) -> list[Draft]:
    """Return the drafts whose `{{ name }}` the file's own `vars` would fill in: they would ask something else."""
    names = before.root.get("vars") or {}
    return [one for one in drafts if names and fill(_asked(one), names, lambda _name: None) != _asked(one)]


def _asked(draft: Draft) -> Any:
    return [draft.fields.get("input"), draft.fields.get("messages")]


def at_source(draft: Draft, message: str) -> Fault:
    """Return why a draft makes no case, at its line in the log."""
    file, _, line = str(draft.fields["source"]).rpartition(":")
    return Fault(file, int(line), f"makes no case: {message}")


def checked(path: Path, text: str, before: Existing | None) -> None:
    """Write a file if it loads and leaves the cases that were there as they were."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="",
            dir=path.parent,
            prefix=".llmupgrade-",
            suffix=".yaml",
            delete=False,
        ) as made:
            made.write(text)
    except OSError as error:
        raise UsageError(f"{path}: not written: {error.strerror}") from None
    temporary = Path(made.name)
    try:
        cases = load_suite(temporary, file=str(path))
        if before and [_unplaced(case) for case in cases[: len(before.cases)]] != [
            _unplaced(case) for case in before.cases
        ]:
            raise FaultyFiles(
                [Fault(str(path), 0, "adding would change a case that is there; nothing was written")]
            )
        _placed(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _placed(temporary: Path, path: Path) -> None:
    try:
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: not written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unplaced(case: Case) -> Case:
    return replace(case, line=0, judges=tuple(replace(judge, line=0) for judge in case.judges))

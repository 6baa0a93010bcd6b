"""`llmupgrade check`: eval files, prompts.yaml and rollout.yaml, read as a run would read them."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.commands.naming import GLOBS, foreign_judge
from pytest_llmupgrade.commands.rehearsing import judge_faults
from pytest_llmupgrade.errors import Fault, FaultyFiles, UsageError
from pytest_llmupgrade.prompts import find_prompts, load_prompts
from pytest_llmupgrade.prompts.binding import case_faults
from pytest_llmupgrade.prompts.loading import FILE
from pytest_llmupgrade.rollout.loading import load_rollout
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_llmupgrade.model import Case
    from pytest_llmupgrade.prompts import Prompts

_ROLLOUTS = ("rollout.yaml", "rollout.yml", "*.rollout.yaml", "*.rollout.yml")


def check(paths: Iterable[Path], say: Callable[[str], object]) -> int:
    """Say that all files are in order; FaultyFiles names everything that is wrong in any of them."""
    faults: list[Fault] = []
    files = tuple(_files(paths))
    cases: list[Case] = []
    for path in files:
        try:
            cases.extend(_check(path))
        except FaultyFiles as error:
            faults.extend(fault for fault in error.faults if fault not in faults)
    if faults:
        raise FaultyFiles(faults)
    named = dict.fromkeys(judge.name for case in cases for judge in case.judges)
    notes = [note for note in map(foreign_judge, named) if note]
    found = (
        "in order but for a judge's name" if any("Did you mean" in note for note in notes) else "all in order"
    )
    say(f"{plural(len(files), 'file')}, {plural(len(cases), 'case')}: {found}")
    for note in notes:
        say(note)
    return 0


def _check(path: Path) -> tuple[Case, ...]:
    """Return the cases that a file has."""
    if any(fnmatch(path.name, pattern) for pattern in _ROLLOUTS):
        load_rollout(path)
        return ()
    if path.name == FILE:
        load_prompts(path)
        return ()
    cases = load_suite(path, file=path.as_posix())
    own = _own_judges(path)
    faults = list(judge_faults(cases, lambda name: f"judge_{name.removeprefix('judge_')}" not in own))
    if any(case.prompt is not None for case in cases):
        faults.extend(case_faults(cases, _prompts_of(path)))
    if faults:
        raise FaultyFiles(faults)
    return tuple(cases)


def _own_judges(path: Path) -> frozenset[str]:
    """Return the names after `judge_` that the conftest.py files of a file's folders mention: they may be fixtures."""
    root, folder = Path.cwd(), path.resolve().parent
    inside = [each for each in (folder, *folder.parents) if each == root or root in each.parents]
    texts = [
        (each / "conftest.py").read_text(encoding="utf-8", errors="replace")
        for each in inside or [folder]
        if (each / "conftest.py").is_file()
    ]
    return frozenset(name for text in texts for name in re.findall(r"\bjudge_\w+", text))


def _prompts_of(path: Path) -> Prompts | None:
    root = Path.cwd()
    found = find_prompts(path.resolve().parent, root)
    if found is None:
        return None
    return load_prompts(found, file=(found.relative_to(root) if root in found.parents else found).as_posix())


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = sorted({file for glob in (*GLOBS, FILE) for file in path.rglob(glob)})
            if not found:
                raise UsageError(f"{path}: no eval files in it (eval_*.yaml, *.eval.yaml)")
            yield from found
        elif path.exists():
            yield path
        else:
            raise UsageError(f"{path}: no such file")

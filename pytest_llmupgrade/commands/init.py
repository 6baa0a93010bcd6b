"""`llmupgrade init`: a first suite, settings and a workflow, without touching what is there."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines import Notice, find, shipped, when
from pytest_llmupgrade.deadlines.scan import files_in, scan
from pytest_llmupgrade.errors import Fault, FaultyFiles, UsageError
from pytest_llmupgrade.settings import parse_models
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

WORKFLOW = ".github/workflows/llm-upgrade.yml"
PYPROJECT = "pyproject.toml"
_DEFAULT_INCUMBENT = "gpt-4o"
_DEFAULT_CANDIDATE = "gpt-6-luna"
_MOST_FILES = 2_000
"""Files that are looked through for the model in production; a guess is worth no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The model in production, and the one that may follow it."""

    incumbent: str
    candidate: str
    why: str = ""
    """Where the incumbent was found, '' where it was not."""


def run(
    root: Path,
    *,
    incumbent: str | None,
    candidate: str | None,
    ask: Callable[[str, str], str] | None,
    say: Callable[[str], None],
) -> int:
    """Write what is not there yet; `ask(question, default)` is None where nobody can answer."""
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder")
    models = _checked(_chosen(root, incumbent, candidate, ask))
    if models.why and incumbent is None:
        say(f"{models.incumbent} is named in {models.why}")
    for name, text in _texts(models):
        say(_added(root, text) if name == PYPROJECT else _written(root, name, text))
    if gone := _gone(models.incumbent):
        say(f"{gone} and answers nothing new. Its logged answers do:")
        say(f"  llmupgrade cases LOG -o evals/eval_NAME.yaml --snapshot-model {models.incumbent}")
    say(f"run: pytest evals --llm-models={models.incumbent},{models.candidate}")
    return 0


def _gone(name: str) -> str:
    """Return that a model was shut down, and when; '' where it was not, or nobody knows."""
    match = find(name, shipped())
    notice = Notice(roles=(), match=match, today=dt.datetime.now(dt.UTC).date()) if match else None
    return f"{name} {when(notice)}" if notice is not None and notice.stage == "gone" else ""


# --- which models ----------------------------------------------------------------------------------


def guess(root: Path) -> Models:
    """Return the model that a code base names most, and what its provider recommends in its place."""
    places: dict[str, list[str]] = {}
    for number, path in enumerate(files_in(root)):
        if number >= _MOST_FILES:
            break
        try:
            for found in scan(path, path.relative_to(root).as_posix(), shipped()):
                places.setdefault(found.name, []).append(found.place)
        except OSError:
            continue  # what cannot be read names no model for us
    usable = Counter({name: len(found) for name, found in places.items() if _is_plain(name)})
    if not usable:
        return Models(incumbent=_DEFAULT_INCUMBENT, candidate=_DEFAULT_CANDIDATE)
    name = usable.most_common(1)[0][0]
    return Models(incumbent=name, candidate=successor(name), why=places[name][0])


def successor(name: str) -> str:
    """Return the model that the provider recommends in place of another; a default where it names none, or several."""
    match = find(name, shipped())
    advice = match.deadline.replacement if match else None
    plain = advice if advice and _is_plain(advice) else _DEFAULT_CANDIDATE
    return plain if plain != name else _DEFAULT_INCUMBENT


def _is_plain(name: str) -> bool:
    """Whether a name can stand in --llm-models as it is: no route, no remark behind it."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,60}", name) is not None


def _chosen(
    root: Path, incumbent: str | None, candidate: str | None, ask: Callable[[str, str], str] | None
) -> Models:
    guessed = (
        guess(root) if incumbent is None else Models(incumbent=incumbent, candidate=successor(incumbent))
    )
    first = incumbent or (ask("The model in production now", guessed.incumbent) if ask else guessed.incumbent)
    proposed = guessed.candidate if first == guessed.incumbent else successor(first)
    second = candidate or (ask("The model that may follow it", proposed) if ask else proposed)
    return Models(incumbent=first, candidate=second, why=guessed.why if first == guessed.incumbent else "")


def _checked(models: Models) -> Models:
    """Refuse names that could break out of the files that are written."""
    parse_models(f"{models.incumbent},{models.candidate}")
    for name in (models.incumbent, models.candidate):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/@#-]*", name):
            raise UsageError(
                f"{one_line(name)!r} is no model's name; write it as the API takes it, such as gpt-4o"
            )
    return models


# --- files -----------------------------------------------------------------------------------------


def _texts(models: Models) -> Iterator[tuple[str, str]]:
    data = files("pytest_llmupgrade").joinpath("data")
    named = [*_tree(data.joinpath("init"), ""), (WORKFLOW, data.joinpath("workflow.yml"))]
    for name, template in named:
        text = template.read_text(encoding="utf-8")
        yield name, text.replace("@INCUMBENT@", models.incumbent).replace("@CANDIDATE@", models.candidate)


def _tree(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _tree(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _written(root: Path, name: str, text: str) -> str:
    path = root / name
    if path.exists():
        return f"kept: {name} (it is there already)"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"{name}: not written: {error.strerror}") from None
    return f"written: {name}"


def _added(root: Path, text: str) -> str:
    """Add the table to pyproject.toml, unless there is one."""
    path = root / PYPROJECT
    if not path.exists():
        return _written(root, PYPROJECT, text)
    try:
        before = path.read_text(encoding="utf-8")
        tool = tomllib.loads(before).get("tool")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FaultyFiles([Fault(PYPROJECT, 0, f"not valid TOML: {one_line(str(error))}")]) from None
    except OSError as error:
        raise UsageError(f"{PYPROJECT}: cannot be read: {error.strerror}") from None
    if isinstance(tool, dict) and "llmupgrade" in tool:
        return f"kept: {PYPROJECT} ([tool.llmupgrade] is there already)"
    after = before + ("" if before.endswith("\n") or not before else "\n") + "\n" + text
    try:
        tomllib.loads(after)
        with path.open("a", encoding="utf-8", newline="") as stream:
            stream.write(after[len(before) :])
    except tomllib.TOMLDecodeError:
        return f"kept: {PYPROJECT} (add [tool.llmupgrade] by hand: its `tool` is written in one line)"
    except OSError as error:
        raise UsageError(f"{PYPROJECT}: not written: {error.strerror}") from None
    return f"added: [tool.llmupgrade] in {PYPROJECT}"

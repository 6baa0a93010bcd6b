"""What `llmupgrade prompts` does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.prompts.differences import changed_lines, list_lines, version_lines
from pytest_llmupgrade.prompts.loading import FILE, load_prompts, parse_prompts
from pytest_llmupgrade.revisions import files_at
from pytest_llmupgrade.wording import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from pytest_llmupgrade.prompts.versions import Prompt, Prompts

_SKIPPED = frozenset(("node_modules", "__pycache__", "venv", "build", "dist"))


def add(parser: argparse.ArgumentParser) -> None:
    """Add the actions to `llmupgrade prompts`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the prompts, their versions, and which models are told which")
    listing.set_defaults(run=lambda options: _say(_list(options.file), options))
    diff = actions.add_parser(
        "diff", help="versions of a prompt side by side, or what changed since a revision"
    )
    diff.add_argument("name", nargs="?", metavar="PROMPT", help="default: all")
    diff.add_argument(
        "versions", nargs="*", metavar="VERSION", help="two versions, or one against the others"
    )
    diff.add_argument("--base", metavar="REV", help="what changed since this revision of git")
    diff.set_defaults(run=lambda options: _say(_diff(options), options))
    for action in (listing, diff):
        action.add_argument("--file", type=Path, metavar=FILE, help="default: every one below this folder")


def _say(lines: Iterator[str], _options: argparse.Namespace) -> int:
    for line in lines:
        print(line)  # noqa: T201  a command prints
    return 0


def prompts_files(root: Path) -> Iterator[Path]:
    """Yield the prompts files below a folder, sorted; hidden folders and those of other people's code are left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        if FILE in names:
            yield Path(folder, FILE)


def _loaded(file: Path | None) -> dict[str, Prompts]:
    paths = [file] if file is not None else list(prompts_files(Path()))
    if not paths:
        raise UsageError(f"no {FILE} in this folder or below it; write one, or name it: --file PATH")
    return {path.as_posix(): load_prompts(path) for path in paths}


def _list(file: Path | None) -> Iterator[str]:
    for prompts in _loaded(file).values():
        yield from list_lines(prompts)


def _diff(options: argparse.Namespace) -> Iterator[str]:
    if options.base is not None:
        if options.name is not None:
            raise UsageError(
                "--base compares whole files; leave the prompt's name out, or name a file: --file PATH"
            )
        yield from _since(options.base, options.file)
        return
    if len(options.versions) > 2:  # noqa: PLR2004  a pair
        raise UsageError("name two versions, or one to compare it with the others")
    found = [prompt for prompts in _loaded(options.file).values() for prompt in _named(prompts, options.name)]
    if not found:
        known = {name for prompts in _loaded(options.file).values() for name in prompts.by_name}
        raise UsageError(f"unknown prompt {printable(options.name)!r}. Known: {', '.join(sorted(known))}")
    for prompt in found:
        yield from version_lines(prompt, *options.versions)


def _named(prompts: Prompts, name: str | None) -> Iterator[Prompt]:
    yield from (prompt for prompt in prompts.by_name.values() if name in (None, prompt.name))


def _since(base: str, file: Path | None) -> Iterator[str]:
    root = Path.cwd()
    wanted: Callable[[str], bool] = (
        (lambda name: name.rpartition("/")[2] == FILE)
        if file is None
        else (lambda name: name == file.as_posix())
    )
    old = {name: parse_prompts(data, file=f"{base}:{name}") for name, data in files_at(root, base, wanted)}
    paths = list(prompts_files(Path())) if file is None else [file]
    new = {path.as_posix(): load_prompts(path) for path in paths if path.is_file()}
    yield from changed_lines(old, new, base)

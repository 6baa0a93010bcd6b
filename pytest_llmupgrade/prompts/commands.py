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


def listed(file: Path | None) -> Iterator[str]:
    """Yield the lines of `llmupgrade prompts list`."""
    for prompts in _loaded(file).values():
        yield from list_lines(prompts)


def differing(options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of `llmupgrade prompts diff`."""
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

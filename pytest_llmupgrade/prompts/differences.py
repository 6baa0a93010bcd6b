"""Prompts side by side: the versions of one, or what a revision of git had, as unified diffs."""

from __future__ import annotations

from difflib import unified_diff
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_llmupgrade.wording import inert, plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_llmupgrade.prompts.versions import Draft, Prompt, Prompts


def list_lines(prompts: Prompts) -> Iterator[str]:
    """Yield a file's prompts: each version with its size, and the models that are told it."""
    yield f"{printable(prompts.file)}: {plural(len(prompts.by_name), 'prompt')}"
    for prompt in prompts.by_name.values():
        yield f"  {prompt.name}"
        width = max(map(len, prompt.versions))
        for version, draft in prompt.drafts.items():
            globs = [glob for glob, used in prompt.use if used == version]
            models = ", ".join("every other model" if glob == "default" else glob for glob in globs)
            size = plural(len(draft.text.split()), "word")
            yield f"    {version:{width}}  {size:>10}  {printable(models) or 'no model'}"


def version_lines(prompt: Prompt, old: str | None = None, new: str | None = None) -> Iterator[str]:
    """Yield a diff of two versions, or of each version and the next; UsageError for one that is not there."""
    if old is None or new is None:
        names = prompt.versions if old is None else (old, *(one for one in prompt.versions if one != old))
        pairs = list(pairwise(names)) if old is None else [(old, other) for other in names[1:]]
    else:
        pairs = [(old, new)]
    for before, after in pairs:
        yield from _diff(
            f"{prompt.name}, {before}", f"{prompt.name}, {after}", *_texts(prompt, before, after)
        )
    if not pairs:
        yield f"{prompt.name}: one version, so there is nothing to compare"


def _texts(prompt: Prompt, before: str, after: str) -> tuple[list[str], list[str]]:
    for version in (before, after):
        prompt.version_for("", version)  # UsageError where there is none
    return _lines(prompt.drafts[before]), _lines(prompt.drafts[after])


def changed_lines(old: Mapping[str, Prompts], new: Mapping[str, Prompts], base: str) -> Iterator[str]:
    """Yield what differs between two states of prompts files, version by version."""
    found = False
    for file in sorted(old.keys() | new.keys()):
        before, after = _versions(old.get(file)), _versions(new.get(file))
        for key in dict.fromkeys((*before, *after)):
            if before.get(key) != after.get(key):
                found = True
                names = f"{file}: {', '.join(key)}"
                yield from _diff(f"{names} ({base})", names, before.get(key, []), after.get(key, []))
    if not found:
        yield "no prompt changed"


def _versions(prompts: Prompts | None) -> dict[tuple[str, str], list[str]]:
    """Return the lines of each version, and of which models are told which."""
    if prompts is None:
        return {}
    found = {}
    for prompt in prompts.by_name.values():
        for version, draft in prompt.drafts.items():
            found[prompt.name, version] = _lines(draft)
        found[prompt.name, "use"] = [f"{glob}: {version}" for glob, version in prompt.use]
    return found


def _lines(draft: Draft) -> list[str]:
    role = [f"(role: {draft.role})"] if draft.role else []
    return [*role, *draft.text.splitlines()]


def _diff(old_name: str, new_name: str, old: list[str], new: list[str]) -> Iterator[str]:
    lines = list(unified_diff(old, new, old_name, new_name, lineterm=""))
    # a runner of GitHub would obey a line of the text that did not change and begins with `::`
    yield from (inert(printable(line)) for line in lines or [f"{old_name} and {new_name}: the same text"])

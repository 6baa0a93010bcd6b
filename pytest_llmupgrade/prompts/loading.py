"""From `prompts.yaml` to prompts, or to everything that is wrong with it.

Read by hand and not by pydantic: a prompt may be a text or a mapping, and so may a version; errors of a union of both
name the one form that the author did not mean.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.prompts.roles import ROLES, Role
from pytest_llmupgrade.prompts.versions import Draft, Prompt, Prompts
from pytest_llmupgrade.run.load.words import shown
from pytest_llmupgrade.run.load.yaml_values import LinedDict, read_yaml
from pytest_llmupgrade.wording import nearest, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE = "prompts.yaml"
ONLY = "default"
"""What the version of a prompt with a single text is called."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME_WORDS = "write letters, digits, '.', '_' and '-', at most 64"
_EXPRESSION = re.compile(r"\{\{\s*[A-Za-z_][^{}]*\}\}|\{%[^{}]{0,400}?%\}")
_PLAIN = re.compile(r"\{\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}\}")
_PROMPT_KEYS = ("versions", "use", "text", "role")
_VERSION_KEYS = ("text", "role")


def find_prompts(folder: Path, root: Path) -> Path | None:
    """Return the nearest prompts.yaml: in a folder, or above it up to the root; None where there is none."""
    inside = folder == root or root in folder.parents
    for place in (folder, *folder.parents) if inside else (folder,):
        path = place / FILE
        if path.is_file():
            return path
        if place == root:
            break
    return None


def load_prompts(path: Path, *, file: str | None = None) -> Prompts:
    """Read a prompts file; FaultyFiles names every fault; `file` is how messages call it."""
    name = file or path.as_posix()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FaultyFiles([Fault(name, 0, f"cannot be read: {error.strerror or error}")]) from None
    return parse_prompts(data, file=name)


def parse_prompts(data: bytes, *, file: str) -> Prompts:
    """Return the prompts that a file's bytes declare; FaultyFiles names every fault."""
    root, faults = read_yaml(data, file)
    reader = _Reader(file, faults)
    prompts = Prompts(file=file, by_name={prompt.name: prompt for prompt in reader.prompts(root)})
    if faults:
        raise FaultyFiles(faults)
    return prompts


class _Reader:
    """Turns YAML values into prompts; what is wrong grows in `faults`."""

    def __init__(self, file: str, faults: list[Fault]) -> None:
        self._file, self._faults = file, faults

    def prompts(self, root: Any) -> Iterator[Prompt]:
        if not isinstance(root, LinedDict):
            what = "it is empty" if root is None else f"it holds {shown(root)}"
            self._fault(1, f"{what}; write a mapping with the key 'prompts'")
            return
        self._unknown_keys(root, ("prompts",), "")
        found = root.get("prompts")
        if not isinstance(found, LinedDict) or not found:
            what = f"not {shown(found)}" if "prompts" in root else "it is missing"
            self._fault(root.lines.get("prompts", 1), f"prompts must map names to prompts, {what}")
            return
        for name, value in found.items():
            line = found.lines[name]
            label = f"prompt {printable(name)!r}: "
            if not _NAME.fullmatch(name):
                self._fault(line, f"{label}no name for a prompt; {_NAME_WORDS}")
            prompt = self._prompt(name, value, line, label)
            if prompt is not None:
                yield prompt

    def _prompt(self, name: str, value: Any, line: int, label: str) -> Prompt | None:
        if isinstance(value, LinedDict) and "versions" not in value and "text" not in value:
            self._unknown_keys(value, _PROMPT_KEYS, label)
            self._fault(line, f"{label}lacks 'versions'; write versions: {{NAME: text}}, or the text alone")
            return None
        if not isinstance(value, LinedDict) or "text" in value:
            draft = self._draft(value, line, label)
            only = (("default", ONLY),)
            return Prompt(name=name, line=line, drafts={ONLY: draft}, use=only) if draft else None
        self._unknown_keys(value, _PROMPT_KEYS, label)
        if "role" in value:
            self._fault(
                value.lines["role"], f"{label}role belongs to a version; write {{role: ..., text: ...}}"
            )
        drafts = self._drafts(value["versions"], value.lines["versions"], label)
        use = self._use(value, drafts, line, label)
        return Prompt(name=name, line=line, drafts=drafts, use=use) if drafts and use else None

    def _drafts(self, value: Any, line: int, label: str) -> dict[str, Draft]:
        if not isinstance(value, LinedDict) or not value:
            self._fault(line, f"{label}versions must map names to texts, not {shown(value)}")
            return {}
        drafts = {}
        for version, inner in value.items():
            at = value.lines[version]
            if not _NAME.fullmatch(version):
                self._fault(at, f"{label}{printable(version)!r} is no name for a version; {_NAME_WORDS}")
            draft = self._draft(inner, at, f"{label}version {printable(version)!r}: ")
            if draft is not None:
                drafts[version] = draft
        return drafts if len(drafts) == len(value) else {}

    def _draft(self, value: Any, line: int, label: str) -> Draft | None:
        role: Role | None = None
        if isinstance(value, LinedDict):
            self._unknown_keys(value, _VERSION_KEYS, label)
            role = self._role(value, label)
            line, value = value.lines.get("text", line), value.get("text")
        if not isinstance(value, str):
            self._fault(line, f"{label}the text must be a text, not {shown(value)}; quote it")
            return None
        if not value.strip():
            self._fault(line, f"{label}the text is empty; write what the model is told")
        for match in _EXPRESSION.finditer(value):
            if not _PLAIN.fullmatch(match[0]):
                self._fault(
                    line, f"{label}{shown(match[0])} is no placeholder; only names are read: {{{{ name }}}}"
                )
        return Draft(text=value, line=line, role=role)

    def _role(self, value: LinedDict, label: str) -> Role | None:
        if "role" not in value:
            return None
        role = next((one for one in ROLES if one == value["role"]), None)
        if role is None:
            line = value.lines["role"]
            self._fault(line, f"{label}role must be system or developer, not {shown(value['role'])}")
        return role

    def _use(
        self, value: LinedDict, drafts: dict[str, Draft], line: int, label: str
    ) -> tuple[tuple[str, str], ...]:
        use = value.get("use")
        if use is None and len(drafts) == 1:
            return (("default", next(iter(drafts))),)
        where = value.lines.get("use", line)
        first = next(iter(drafts), "NAME")
        if not isinstance(use, LinedDict) or "default" not in use:
            what = "lacks 'use'" if use is None else f"use lacks 'default', in {shown(use)}"
            self._fault(
                where, f"{label}{what}; write which version models are told: use: {{default: {first}}}"
            )
            return ()
        for glob, version in use.items():
            if drafts and str(version) not in drafts:
                hint = nearest(str(version), drafts) or f"Known: {', '.join(drafts)}"
                self._fault(use.lines[glob], f"{label}use: no version {shown(version)}. {hint}")
        rules = [(glob, str(version)) for glob, version in use.items() if glob != "default"]
        return (*rules, ("default", str(use["default"])))

    def _unknown_keys(self, value: LinedDict, known: Iterable[str], label: str) -> None:
        names = tuple(known)
        for key in value:
            if key not in names:
                hint = nearest(key, names) or f"Known: {', '.join(names)}"
                self._fault(value.lines[key], f"{label}unknown key {printable(key)!r}. {hint}")

    def _fault(self, line: int, message: str) -> None:
        self._faults.append(Fault(self._file, line, message))

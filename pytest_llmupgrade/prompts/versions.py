"""Prompts as plain values: what a model is told, by name, version and model."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.fingerprints import fingerprint
from pytest_llmupgrade.model import PromptUse
from pytest_llmupgrade.prompts.roles import role_of
from pytest_llmupgrade.wording import nearest, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_llmupgrade.prompts.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVersion:
    """What one model is told by one version of a prompt."""

    name: str
    """The prompt's, as eval files name it."""
    version: str
    role: Role
    text: str
    """The template; `{{ placeholders }}` are not filled in."""
    sha256: str
    """Over role and template: what tells whether two runs told a model the same."""

    @property
    def use(self) -> PromptUse:
        """The version as records keep it."""
        return PromptUse(name=self.name, version=self.version, sha256=self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version as the file holds it, before a model is known."""

    text: str
    line: int
    role: Role | None = None
    """None: as the model wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A named prompt: its versions, and which model is told which."""

    name: str
    line: int
    drafts: Mapping[str, Draft]
    """By version, in the order of the file."""
    use: tuple[tuple[str, str], ...]
    """(glob of model names, version), the first match counts; the last is for every other model."""

    @property
    def versions(self) -> tuple[str, ...]:
        """The names of the versions, in the order of the file."""
        return tuple(self.drafts)

    def used_by(self, model: str) -> str:
        """Return the version that a model is told in production; `m#2` is told what `m` is."""
        base = model.partition("#")[0]
        return next((version for glob, version in self.use[:-1] if fnmatchcase(base, glob)), self.use[-1][1])

    def version_for(self, model: str, version: str | None = None) -> PromptVersion:
        """Return a version as a model is told it, by default the one it uses; UsageError where there is none."""
        chosen = self.used_by(model) if version is None else version
        draft = self.drafts.get(chosen)
        if draft is None:
            hint = _hint(chosen, self.drafts)
            raise UsageError(f"prompt {self.name!r} has no version {printable(chosen)!r}. {hint}")
        role = draft.role or role_of(model.partition("#")[0])
        return PromptVersion(
            name=self.name,
            version=chosen,
            role=role,
            text=draft.text,
            sha256=fingerprint((role, draft.text)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """All prompts of one prompts.yaml."""

    file: str
    """The file as messages name it."""
    by_name: Mapping[str, Prompt]

    def __getitem__(self, name: str) -> Prompt:
        """Return a prompt; UsageError with a suggestion where the file has none of that name."""
        if name not in self.by_name:
            raise UsageError(f"unknown prompt {printable(name)!r} ({self.file}). {_hint(name, self.by_name)}")
        return self.by_name[name]

    def version_for(self, name: str, model: str, version: str | None = None) -> PromptVersion:
        """Return what a model is told by a prompt; UsageError for a name or a version that is not there."""
        return self[name].version_for(model, version)


def _hint(name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    return nearest(name, names) or f"Known: {', '.join(names)}"

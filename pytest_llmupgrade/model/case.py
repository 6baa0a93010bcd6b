"""A case: one question with what a right answer is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pytest_llmupgrade.model.values import Json, JsonObject

PassRule: TypeAlias = Literal["all", "any", "majority"] | float
"""Which of an item's completions must pass; a number is their share."""
NEGATION = "not "
"""Before a judge's name, where its verdict is turned round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """One judge as a case asks for it."""

    name: str
    """As written; the fixture is `judge_NAME` where there is one, else NAME."""
    options: JsonObject = field(default_factory=dict)
    """Keyword arguments; what is written as `{name: value}` arrives as `expected=value`."""
    negated: bool = False
    line: int = 0

    @property
    def label(self) -> str:
        """The name as reports show it."""
        return f"{NEGATION}{self.name}" if self.negated else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRule:
    """What a case says about models whose name matches a glob."""

    pattern: str
    action: Literal["skip", "xfail"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptUse:
    """Which prompt a model was told."""

    name: str
    """In prompts.yaml."""
    version: str
    sha256: str
    """Over the role and the template, placeholders not filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question to a model, with what a right answer is."""

    id: str
    """Unique in its file."""
    file: str
    """Path of the suite relative to the root, with forward slashes."""
    line: int
    messages: tuple[JsonObject, ...]
    """Chat messages, placeholders filled in."""
    expected: Json = None
    judges: tuple[JudgeSpec, ...] = ()
    category: str = "general"
    difficulty: str = "medium"
    tags: tuple[str, ...] = ()
    weight: float = 1.0
    """How many production requests the case stands for."""
    criticality: str | None = None
    repeat: int | None = None
    """Completions per model; None: the run's setting."""
    pass_when: PassRule | None = None
    """Which of them must pass; None: the run's setting."""
    source: str | None = None
    """Where the case came from, such as a log's line."""
    prompt: str | None = None
    """A name in prompts.yaml."""
    told: PromptUse | None = None
    """The prompt's version that stands first in `messages`; None: none does (yet)."""
    vars: JsonObject = field(default_factory=dict)
    params: JsonObject = field(default_factory=dict)
    tools: tuple[JsonObject, ...] = ()
    response_format: JsonObject | None = None
    rules: tuple[ModelRule, ...] = ()

    @property
    def key(self) -> str:
        """`FILE::ID`: the case's name across models, runs and reports."""
        return f"{self.file}::{self.id}"

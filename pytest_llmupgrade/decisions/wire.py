"""The decision file, schema `llmupgrade-decision/2`: small, stable JSON that a team commits and reviews."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal  # noqa: TC003  pydantic reads the annotations
from typing import Any, ClassVar

from pytest_llmupgrade.verdict import VerdictWord  # noqa: TC001  as above

SCHEMA = "llmupgrade-decision/2"
_DOCUMENTED = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A version of a prompt, as a model was told it."""

    __pydantic_config__: ClassVar[Any] = _DOCUMENTED

    version: str
    sha256: str
    """Over role and template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldBoth:
    """What the two models were told under one prompt's name; null: no case of that model used it."""

    __pydantic_config__: ClassVar[Any] = _DOCUMENTED

    incumbent: Told | None = None
    candidate: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """An eval file, as far as it was run."""

    __pydantic_config__: ClassVar[Any] = _DOCUMENTED

    file: str
    """Relative to the project's root."""
    cases: int
    """How many of its cases were recorded."""
    sha256: str
    """Over what each of them asks and wants, prompts and parameters left out; in `asked`, over what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one of the models was sent, so that a change of it is seen later."""

    __pydantic_config__: ClassVar[Any] = _DOCUMENTED

    model: str
    """As the settings name it."""
    version: str | None
    """Of the prompts, where `--llm-prompts` asked for one; null: what the model uses."""
    suites: tuple[Suite, ...]
    """Over messages, system prompt included, parameters of case, file and model, tools and response format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incumbent:
    """Whom the candidates were compared with."""

    __pydantic_config__: ClassVar[Any] = _DOCUMENTED

    name: str
    """As the report shows it."""
    model: str
    """As requests name it."""
    asked: Asked
    cost_per_1000_usd: Decimal | None = None
    """USD for a thousand requests like these, a decimal string; null: unpriced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What was decided on one candidate."""

    __pydantic_config__: ClassVar[Any] = _DOCUMENTED

    name: str
    """As the report shows it."""
    model: str
    """As requests name it."""
    asked: Asked
    verdict: VerdictWord
    """Only `safe` lets a pilot start."""
    difference: float | None
    """Accuracy minus the incumbent's on the paired cases, a share of -1 to 1."""
    interval: tuple[float, float] | None
    """Of the difference, at `confidence`."""
    confidence: float
    margin: float
    """The drop in accuracy that was accepted, a share."""
    paired: int
    """Cases judged on both models."""
    unpaired: int
    broke: int
    fixed: int
    weighted: bool
    """Whether cases count unequally, by traffic or by repeats; where they do not, the counts give the interval."""
    breaches: tuple[str, ...]
    """What else fails the run, a sentence each: a missed `must_pass` case, the thresholds of the gate."""
    cost_per_1000_usd: Decimal | None = None
    """USD for a thousand requests like these, a decimal string; null: unpriced."""
    prompts: dict[str, ToldBoth] = field(default_factory=dict)
    """By the prompt's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFile:
    """What an offline run decided on its candidates."""

    __pydantic_config__: ClassVar[Any] = _DOCUMENTED

    schema: str
    created: str
    """When the run began, ISO 8601, UTC."""
    plugin_version: str
    runs: tuple[str, ...]
    """The kept runs that it was decided on, as `llmupgrade runs` names them."""
    suite_hash: str | None
    """SHA-256 over all recorded cases, what they ask and want; null: none came from an eval file."""
    suites: tuple[Suite, ...]
    judge_models: tuple[str, ...]
    """The models behind `llm_judge`."""
    incumbent: Incumbent
    candidates: tuple[Candidate, ...]


def decision_schema() -> dict[str, Any]:
    """Return the JSON Schema (Draft 2020-12) of decision files; the package ships it as data/decision.schema.json."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(DecisionFile).json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "pytest-llmupgrade decision file"
    schema["properties"]["schema"]["const"] = SCHEMA
    return schema

"""The columns of a run: each model, and each version of the prompts where `--llm-prompts` makes that an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One column: a model, told one version of each prompt."""

    model: str
    version: str | None = None
    """Of `--llm-prompts`, for the prompts that have it; None: what prompts.yaml has the model use."""

    @property
    def name(self) -> str:
        """The column's name, which stands in its items' brackets."""
        return self.model if self.version is None else f"{self.model}-{self.version}"


def variants_of(
    models: Sequence[str], versions: Sequence[str], *, incumbent_kept: bool = False
) -> tuple[Variant, ...]:
    """Return a run's columns: the incumbent as it is told now first, then every model with every version.

    With a kept run in the incumbent's place (`incumbent_kept`), all models are candidates.
    """
    if not versions:
        return tuple(Variant(model=model) for model in models)
    now = () if incumbent_kept or not models else (Variant(model=models[0]),)
    return (*now, *(Variant(model=model, version=version) for model in models for version in versions))


def once_more(column: str, incumbent: str) -> bool:
    """Whether two columns are one model asked twice, as `m` and `m#2`; with another prompt it is another thing."""
    return _base(column) == _base(incumbent)


def _base(column: str) -> str:
    model, _, number = column.partition("#")
    return model if not number or number.isdigit() else column

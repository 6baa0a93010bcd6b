"""What the model of an item is told: its column, and its case with the prompt in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.plugin.collect import EvalFile, case_of
from pytest_llmupgrade.variants import Variant

if TYPE_CHECKING:
    import pytest

    from pytest_llmupgrade.model import Case


def variant_of(item: pytest.Item) -> Variant | None:
    """Return the column that an item belongs to, None where it asks no model."""
    callspec = getattr(item, "callspec", None)
    if callspec is None or "llm_model" not in callspec.params:
        return None
    return Variant(model=callspec.params["llm_model"], version=callspec.params.get("llm_prompt"))


def told_case(item: pytest.Item, variant: Variant | None = None) -> Case | None:
    """Return an item's case as its model is told it, or as another column's is; None for a Python test."""
    case, column, suite = case_of(item), variant or variant_of(item), item.parent
    if case is None or column is None or case.prompt is None or not isinstance(suite, EvalFile):
        return case
    from pytest_llmupgrade.prompts.binding import told

    return told(case, suite.prompts, column)

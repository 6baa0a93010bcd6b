"""The grids of prompts as JSON, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.run.report.json_verdict import verdict_of

if TYPE_CHECKING:
    from pytest_llmupgrade.run.prompt_effects import PromptCell, PromptEffects, Simplification
    from pytest_llmupgrade.verdict import Decision


def prompt_of(effects: PromptEffects) -> dict[str, Any]:
    """Return one prompt's grid, the versions to revisit, and those that may be simplified."""
    return {
        "name": effects.name,
        "cells": [_cell(cell) for cell in effects.cells],
        "to_revisit": [
            {
                "version": cell.version,
                "model": cell.model,
                "cases": list(cell.to_revisit),
                "told_apart": cell.owned is not None,
            }
            for cell in effects.to_revisit
        ],
        "simplifications": [_simplification(one) for one in effects.simplifications],
    }


def _cell(cell: PromptCell) -> dict[str, Any]:
    return {
        "model": cell.model,
        "version": cell.version,
        "now": cell.now,
        "passed": cell.passed,
        "judged": cell.judged,
        "accuracy": cell.accuracy,
        "broke": list(cell.broke),
        "fixed": list(cell.fixed),
        "owned": None if cell.owned is None else list(cell.owned),
        "against_now": None if cell.decision is None else _decided(cell.decision),
    }


def _simplification(one: Simplification) -> dict[str, Any]:
    saved = one.saved_per_1000_usd
    return {
        "model": one.model,
        "longer": one.longer,
        "shorter": one.shorter,
        "saved_input_tokens": one.saved_tokens,
        "saved_per_1000_usd": None if saved is None else str(saved),
        **_decided(one.decision),
    }


def _decided(decision: Decision) -> dict[str, Any]:
    return {**verdict_of(decision), "paired": decision.paired, "unpaired": decision.unpaired}

"""The verdict on a candidate: SAFE, REGRESSION or INCONCLUSIVE, pure, from how both models fared on each case."""

from __future__ import annotations

from pytest_llmupgrade.verdict.decision import WORST_FIRST, CategoryFinding, Decision, VerdictWord
from pytest_llmupgrade.verdict.evidence import Change, Evidence, Lost
from pytest_llmupgrade.verdict.rule import Rule, decide

__all__ = [
    "WORST_FIRST",
    "CategoryFinding",
    "Change",
    "Decision",
    "Evidence",
    "Lost",
    "Rule",
    "VerdictWord",
    "decide",
]

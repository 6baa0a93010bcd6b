"""A judge that tolerates typing: how far two texts are apart."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.expectation import text_for
from pytest_llmupgrade.judges.values import shown
from pytest_llmupgrade.model import Verdict

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Case, Completion, Json


def similarity(
    completion: Completion,
    case: Case,
    expected: Json = None,
    *,
    threshold: float = 0.8,
    ignore_case: bool = False,
) -> Verdict:
    """Pass where the answer's similarity to the expected text (1 - edit distance / longer length) is at least `threshold`."""
    text = text_for("similarity", expected, case)
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 < threshold <= 1:
        raise JudgeError(
            f"judge 'similarity': threshold is a number above 0 and up to 1, not {shown(threshold)}"
        )
    found = similarity_of(completion.text, text, ignore_case=ignore_case)
    passed = found >= threshold
    # Rounded down, so that 0.799 never reads as 0.80.
    figure = f"{floor(found * 1000) / 1000:.3f}"
    return Verdict(passed, f"the similarity {figure} is {'at least' if passed else 'below'} {threshold:g}")


def similarity_of(left: str, right: str, *, ignore_case: bool = False) -> float:
    """Return the normalised Levenshtein similarity of two texts, 0 to 1, spaces around them aside."""
    from rapidfuzz.distance import Levenshtein

    first, second = left.strip(), right.strip()
    if ignore_case:
        first, second = first.casefold(), second.casefold()
    return Levenshtein.normalized_similarity(first, second)

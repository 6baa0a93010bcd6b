"""Near duplicates: the same question with a typo, a comma or a greeting more.

By edit distance (rapidfuzz), not by MinHash: a pool is a few thousand short texts, so every pair can be compared exactly,
there is no signature to tune, and a word that changes the meaning of a short question counts for what it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from pytest_llmupgrade.logs.exchange import question_key, text_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from pytest_llmupgrade.logs.sampling import Kept

LIKENESS = 0.92
_COMPARED = 2_000
"""Characters of a question that are compared."""
_DIGITS = re.compile(r"\d+")
_NEGATION = re.compile(
    r"\b(?:not?|never|without|cannot|kein\w*|nicht|nie|ohne|pas|sans|sin|nunca|jamais)\b|n['\u2019]t\b"
)
_NOT_A_WORD = re.compile(r"[^\w'\u2019]+")


def without_near(kept: Sequence[Kept], likeness: float) -> tuple[list[Kept], int]:
    """Return the questions without near duplicates of earlier ones, whose counts grow, and how many fell."""
    from rapidfuzz import fuzz, process

    blocks: dict[Hashable, tuple[list[str], list[Kept]]] = defaultdict(lambda: ([], []))
    left = []
    for one in kept:
        text = _last(one)
        texts, owners = blocks[_block(one, text)]
        found = (
            process.extractOne(text, texts, scorer=fuzz.ratio, score_cutoff=100 * likeness) if texts else None
        )
        if found:
            owners[found[2]].count += one.count
            continue
        texts.append(text)
        owners.append(one)
        left.append(one)
    return left, len(kept) - len(left)


def _last(one: Kept) -> str:
    text = text_of(one.exchange.messages[-1].get("content")) or ""
    return _NOT_A_WORD.sub(" ", text[:_COMPARED].casefold()).strip()


def _block(one: Kept, text: str) -> Hashable:
    """Return what must be alike for two questions to be near: what came before, numbers, negations, tools called."""
    exchange = one.exchange
    called = tuple(str(call.get("name")) for call in exchange.tool_calls)
    numbers = tuple(_DIGITS.findall(text))
    return (
        question_key(exchange.messages[:-1]),
        numbers,
        len(_NEGATION.findall(text)),
        called,
        len(text) > _COMPARED - 1,
    )

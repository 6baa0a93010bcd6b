"""A judge that knows when a model declined; mostly used as `not: is_refusal`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.judges.values import quoted
from pytest_llmupgrade.judges.verdicts import hit, miss
from pytest_llmupgrade.refusals import refusal_phrase

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Case, Completion, Verdict


def is_refusal(completion: Completion, case: Case) -> Verdict:  # noqa: ARG001  every judge takes the case
    """Pass where the model declined: by the API's refusal field, its content filter, or a well-known phrase."""
    if completion.refusal:
        return hit(f"the model refused: {quoted(completion.refusal)}")
    if completion.finish_reason == "content_filter":
        return hit("the provider's content filter stopped the answer")
    phrase = refusal_phrase(completion.text)
    if phrase is None:
        return miss("the answer is no refusal: it opens with no phrase of one")
    return hit(f"the answer reads like a refusal: {quoted(phrase)}")

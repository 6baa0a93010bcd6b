"""What a case asks: a prompt's template, with a test's values beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.importing.javascript import text_of
from pytest_llmupgrade.importing.templates import NoCounterpart, rendered

if TYPE_CHECKING:
    from pytest_llmupgrade.importing.promptfoo.prompts import Prompt
    from pytest_llmupgrade.importing.promptfoo.tests import RawTest


def question_of(prompt: Prompt, test: RawTest) -> dict[str, Any]:
    """Return `input` or `messages`, and `vars`; NoCounterpart where it cannot be asked here."""
    if test.blocked:
        raise NoCounterpart(test.blocked)
    for key in ("transform", "postprocess"):
        if key in test.options:
            raise NoCounterpart(
                f"options.{key} changes the answer before it is judged: the case stays a comment"
            )
    question = prompt.question
    affixes = [str(test.options.get(key) or "") for key in ("prefix", "suffix")]
    names = {name: text_of(rendered(test.vars.get(name), test.vars)) for name in prompt.names}
    if any(affixes):
        if not isinstance(question, str):
            raise NoCounterpart("prefix and suffix of a test cannot be put around chat messages")
        question = rendered(affixes[0] + question + affixes[1], test.vars)
        names = {}
    if any("{{" in value for value in names.values()):
        raise NoCounterpart("a value holds placeholders that nothing fills in")
    fields: dict[str, Any] = {"input" if isinstance(question, str) else "messages": question}
    return {**fields, "vars": names} if names else fields

"""Which judge it was: verdicts of two judges are not comparable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.fingerprints import fingerprint
from pytest_llmupgrade.judges import llm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.judges.llm import JudgeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeIdentity:
    """All that decides how `llm_judge` judges; safe to print and to keep."""

    model: str
    """The name on the wire."""
    prompt_sha256: str
    """Of all the words around what is judged, the built-in ones included."""
    params_sha256: str
    """Of address, API and parameters."""
    votes: int = 1
    structured: bool = True


def judge_identity(settings: JudgeSettings) -> JudgeIdentity:
    """Return what a kept run says about its judge."""
    model = settings.model
    prompt = llm.HOW_TO_DECIDE if settings.prompt is None else settings.prompt
    return JudgeIdentity(
        model=model.wire_name,
        prompt_sha256=fingerprint((prompt, llm.RULES)),
        params_sha256=fingerprint((model.endpoint, model.api, model.params)),
        votes=settings.votes,
        structured=settings.structured,
    )


def judge_differences(old: JudgeIdentity, new: JudgeIdentity) -> Iterator[str]:
    """Yield in words what two judges differ in; nothing where they are the same."""
    if old.model != new.model:
        yield f"another judge: {old.model} then, {new.model} now"
    if old.prompt_sha256 != new.prompt_sha256:
        yield "another judge prompt"
    if old.params_sha256 != new.params_sha256:
        yield "the judge's address or parameters are others"
    if (old.votes, old.structured) != (new.votes, new.structured):
        yield (f"the judge was asked otherwise: {_asked(old)} then, {_asked(new)} now")


def _asked(judge: JudgeIdentity) -> str:
    return f"votes = {judge.votes}, structured = {str(judge.structured).lower()}"

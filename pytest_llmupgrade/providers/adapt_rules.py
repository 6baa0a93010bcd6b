"""Which words of a provider call for which adaptation.

Collected on 2026-11-23 from public issue threads, named at each rule. Codes are often null and parameters often
missing, so the rules go by the message. What is not here is not adapted: dropping `tools`, for instance, would
change the question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.providers.adapt import Adaptation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_llmupgrade.model import CallFailure, JsonObject

DROPPABLE = frozenset(
    {
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "parallel_tool_calls",
        "reasoning_effort",
        "reasoning.effort",
        "verbosity",
        "text.verbosity",
        "seed",
    }
)
"""Parameters without which a request still asks the same question."""
RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
"""Values of `reasoning_effort`, from least to most."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A message, and what to do about it."""

    pattern: re.Pattern[str]
    react: Callable[[re.Match[str]], Iterable[Adaptation]]
    sources: tuple[str, ...]


def adaptation_for(failure: CallFailure, body: JsonObject) -> Adaptation | None:
    """Return the change that the refusal of this body calls for; None where there is none, or it changes nothing."""
    if failure.refused is None:
        return None
    message = failure.refused[1]
    for rule in RULES:
        if match := rule.pattern.search(message):
            return next((found for found in rule.react(match) if found.apply(body) != body), None)
    return None


def _unsupported(match: re.Match[str]) -> Iterable[Adaptation]:
    param, instead = match["param"], match["instead"]
    new = RENAMED.get(param)
    if new is not None and instead in (None, new):
        yield Adaptation(param=param, action="rename", value=new, words=f"{param} renamed to {new}")
    yield from _dropped(param, "the model does not take it")


def _unsupported_value(match: re.Match[str]) -> Iterable[Adaptation]:
    param, was = match["param"], match["was"]
    accepted = re.findall(r"'([^']+)'", match["accepted"] or "")
    if param.endswith(".role"):
        yield _other_role(param, was, accepted)
    elif param in ("reasoning_effort", "reasoning.effort") and (near := _nearest(was, accepted)):
        words = f"{param} {was} replaced by {near} (the nearest that is accepted)"
        yield Adaptation(param=param, action="replace", was=was, value=near, words=words)
    elif accepted:
        yield from _dropped(param, f"only {' and '.join(accepted)} is accepted")
    else:
        yield from _dropped(param, "only the default is accepted")


def _other_role(param: str, was: str, accepted: list[str]) -> Adaptation:
    other = {"system": "developer", "developer": "system"}.get(was)
    if other in accepted:
        return Adaptation(
            param=param, action="role", was=was, value=other, words=f"role {was} became {other}"
        )
    words = f"the {was} message folded into the first user message (the role is not accepted)"
    return Adaptation(param=param, action="fold", was=was, words=words)


def _nearest(effort: str, accepted: list[str]) -> str | None:
    """Return the accepted effort nearest to one; of two as near the greater, since the least turns reasoning off."""
    known = [name for name in accepted if name in EFFORTS]
    if effort not in EFFORTS or not known:
        return None
    place = EFFORTS.index(effort)
    return min(known, key=lambda name: (abs(EFFORTS.index(name) - place), -EFFORTS.index(name)))


def _unknown(match: re.Match[str]) -> Iterable[Adaptation]:
    for name in re.split(r"[,\s]+", match["params"]):
        yield from _dropped(name.strip("'\"`."), "the model does not know it")


def _dropped(param: str, why: str) -> Iterable[Adaptation]:
    if param == "stop":
        words = f"stop dropped ({why}); answers are cut at it here"
        yield Adaptation(param=param, action="cut", words=words)
    elif param in DROPPABLE:
        yield Adaptation(param=param, action="drop", words=f"{param} dropped ({why})")


def _logprobs(_: re.Match[str]) -> Iterable[Adaptation]:
    # `top_logprobs` goes first: it is refused where `logprobs` is absent.
    yield from _dropped("top_logprobs", "the model gives none")
    yield from _dropped("logprobs", "the model gives none")


def _tools(_: re.Match[str]) -> Iterable[Adaptation]:
    words = "reasoning_effort set to none (with it the model takes no tools in Chat Completions)"
    yield Adaptation(param="reasoning_effort", action="with_tools", value="none", words=words)


def _schema(_: re.Match[str]) -> Iterable[Adaptation]:
    words = "response_format json_schema replaced by json_object, the schema stands in the prompt"
    yield Adaptation(param="response_format", action="json_object", words=words)


def _rule(pattern: str, react: Callable[[re.Match[str]], Iterable[Adaptation]], *sources: str) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), react, tuple(f"https://github.com/{s}" for s in sources))


RULES = (
    _rule(
        r"unsupported parameter: '(?P<param>[\w.]+)'(?:[^']*use '(?P<instead>\w+)' instead)?",
        _unsupported,
        "griptape-ai/ComfyUI-Griptape/issues/312",
        "OpenHands/software-agent-sdk/issues/1837",
        "huggingface/smolagents/pull/1662",
        "nextai-translator/nextai-translator/issues/1781",
        "chatboxai/chatbox/issues/2627",
        "evalstate/fast-agent/issues/279",
        "BoundaryML/baml/pull/2708",
    ),
    _rule(
        r"unsupported value: '(?P<param>[\w.\[\]]+)' does not support '?(?P<was>[^' ]*)'? with this model\.?"
        r"(?: supported values are: (?P<accepted>.*))?",
        _unsupported_value,
        "johny-b/llmcomp/issues/69",
        "pydantic/pydantic-ai/issues/974",
        "nextai-translator/nextai-translator/issues/1841",
        "google-deepmind/concordia/issues/164",
    ),
    _rule(
        r"(?:unrecognized request arguments? supplied|unknown parameter): (?P<params>[^\n]+)",
        _unknown,
        "generative-computing/mellea/issues/270",
    ),
    _rule(r"not allowed to request logprobs from this model", _logprobs, "confident-ai/deepeval/pull/2184"),
    _rule(
        r"function tools with reasoning_effort are not supported.*set reasoning_effort to 'none'",
        _tools,
        "onyx-dot-app/onyx/issues/15008",
        "ItzCrazyKns/Vane/issues/1173",
    ),
    _rule(
        r"'response_format' of type 'json_schema' is not supported",
        _schema,
        "web-infra-dev/midscene/issues/259",
        "mrwadams/stride-gpt/issues/19",
    ),
)

"""One case's snapshot: what was asked and answered, and how it was judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_llmupgrade.model import Completion, ToolCall, Usage
from pytest_llmupgrade.snapshots.asked import Asked  # noqa: TC001  `checked` reads the annotations


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of a call; see `model.Usage`."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call and its answer, as the file holds them."""

    answer: str
    """'' where the model only called tools."""
    asked: Asked
    repeat: int = 0
    """Index among the completions of one attempt with the same body."""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    finish_reason: str = "stop"
    served_by: str = ""
    """The model that answered, as the server said."""
    tokens: Tokens | None = None
    latency_ms: int = 0
    batch: bool = False
    adapted: tuple[str, ...] = ()

    @property
    def completion(self) -> Completion:
        """The answer as a run takes it."""
        tokens = self.tokens
        return Completion(
            text=self.answer,
            tool_calls=self.tool_calls,
            finish_reason=self.finish_reason,
            refusal=self.refusal,
            usage=None
            if tokens is None
            else Usage(
                input_tokens=tokens.input,
                output_tokens=tokens.output,
                cached_input_tokens=tokens.cached,
                reasoning_tokens=tokens.reasoning,
            ),
            model=self.served_by,
            latency_ms=float(self.latency_ms),
            batch=self.batch,
            origin="replayed",
            adapted=self.adapted,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A case on a model."""

    verdict: Literal["passed", "missed"] | None = None
    """None: no judge spoke."""
    missed: tuple[str, ...] = ()
    """The judges that missed."""
    calls: tuple[Call, ...] = ()
    judging: tuple[Call, ...] = ()
    """What judges asked of their model."""


def call_of(asked: Asked, repeat: int, completion: Completion) -> Call:
    """Return a completion as a snapshot holds it."""
    usage = completion.usage
    return Call(
        answer=completion.text,
        asked=asked,
        repeat=repeat,
        tool_calls=completion.tool_calls,
        refusal=completion.refusal,
        finish_reason=completion.finish_reason,
        served_by=completion.model,
        tokens=None
        if usage is None
        else Tokens(
            input=usage.input_tokens,
            output=usage.output_tokens,
            cached=usage.cached_input_tokens,
            reasoning=usage.reasoning_tokens,
        ),
        latency_ms=round(completion.latency_ms),
        adapted=completion.adapted,
    )

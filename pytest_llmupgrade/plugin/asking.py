"""`llm`: the model under test as a callable that counts and prices what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import CallError, UsageError
from pytest_llmupgrade.model import CallFailure
from pytest_llmupgrade.parameters import param_faults
from pytest_llmupgrade.run.plan import free_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_llmupgrade.model import Answer, Completion, Json, JsonObject, Request
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.plugin.trial import Trial


_NOT_ASKED = {
    "model": "--llm-models says who is asked; leave it out",
    "messages": "give the messages as the first argument",
    "input": "give the text as the first argument",
    "stream": "answers are read whole; leave it out",
    "n": "one answer is read; ask as often as you need, or pass --llm-repeat",
}
"""By a parameter that nobody may set: what to write instead in Python."""


class Llm:
    """The model under test, as one test sees it."""

    def __init__(
        self, session: LlmSession, trial: Trial, complete: Callable[[Request], Answer] | None = None
    ) -> None:
        self._session = session
        self._trial = trial
        self._complete = complete or session.complete

    @property
    def model(self) -> str:
        """The model's name on the wire, for a project's own client."""
        return self._session.specs[self._trial.model].wire_name

    def __call__(self, prompt: str | Sequence[JsonObject], **params: Json) -> Completion:
        """Return the model's answer to a text or to chat messages; CallError where there is none."""
        for key, _remedy in param_faults(params):
            raise UsageError(f"llm(..., {key}=...): {_NOT_ASKED[key]}")
        messages = ({"role": "user", "content": prompt},) if isinstance(prompt, str) else tuple(prompt)
        spec = self._session.specs[self._trial.model]
        return self.ask(free_request(spec, messages, params, repeat=self._trial.repeat))

    def ask(self, request: Request) -> Completion:
        """Return the answer to a request and count it; CallError where there is none."""
        answer = self._complete(request)
        if isinstance(answer, CallFailure):
            raise CallError(answer)
        self.count(answer)
        return answer

    def count(self, completion: Completion) -> None:
        """Add a completion that came another way to the test's record."""
        self._trial.completions.append(completion)
        self._trial.costs.append(self._session.completion_cost_usd(self._trial.model, completion))

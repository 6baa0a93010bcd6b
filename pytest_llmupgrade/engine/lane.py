"""One model's calls: those that wait, in order, and what holds them back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pytest_llmupgrade.engine.breaker import HOPELESS, Breaker
from pytest_llmupgrade.engine.limits import Aimd, Allowance, Pause, Probe, TokenEstimate
from pytest_llmupgrade.engine.retry import LONGEST_RETRY_AFTER_S
from pytest_llmupgrade.model import CallFailure

if TYPE_CHECKING:
    from pytest_llmupgrade.engine.flight import Flight
    from pytest_llmupgrade.engine.limits import Limit
    from pytest_llmupgrade.engine.settings import EngineSettings
    from pytest_llmupgrade.model import Answer, ModelSpec, Usage


class Lane:
    """The queue of a model and its limits; no clock of its own, and no input or output."""

    def __init__(self, spec: ModelSpec, settings: EngineSettings, now: float) -> None:
        self.spec = spec
        self.breaker = Breaker()
        self.in_flight = 0
        self._aimd = Aimd(spec.concurrency or settings.concurrency)
        self._probe = Probe(settings.probe_s)
        self._pause = Pause()
        self._estimate = TokenEstimate()
        self._requests = _allowance(spec.requests_per_minute or settings.requests_per_minute, now)
        self._tokens = _allowance(spec.tokens_per_minute or settings.tokens_per_minute, now)
        self._demanded: deque[Flight] = deque()
        self._ahead: deque[Flight] = deque()

    def push(self, flight: Flight) -> None:
        """Put a flight at the end of those that are demanded, or of those that are planned."""
        (self._demanded if flight.demanded else self._ahead).append(flight)

    def demand(self, flight: Flight) -> None:
        """Let a flight that was planned go before the others: somebody waits for it."""
        flight.demanded = True
        try:
            self._ahead.remove(flight)
        except ValueError:
            return  # it is under way
        self._demanded.append(flight)

    def pop(self) -> Flight | None:
        """Take the next flight; None where none waits."""
        queue = self._demanded or self._ahead
        return queue.popleft() if queue else None

    @property
    def waiting(self) -> bool:
        """Whether any flight waits."""
        return bool(self._demanded or self._ahead)

    @property
    def full(self) -> bool:
        """Whether as many calls are in flight as may be."""
        return self.in_flight >= self._aimd.allowed

    def wait_s(self, now: float) -> float:
        """Return the seconds until the limits let another call go, be there room for it or not."""
        limits: tuple[Limit | None, ...] = (self._probe, self._pause, self._requests, self._tokens)
        return max(limit.wait_s(now) for limit in limits if limit is not None)

    def send(self, flight: Flight, now: float) -> None:
        """Count a try that is being sent."""
        self.in_flight += 1
        flight.sent_at, flight.reserved = now, self._estimate.tokens
        self._probe.sent(now)
        if self._requests is not None:
            self._requests.take(1, now)
        if self._tokens is not None:
            self._tokens.take(flight.reserved, now)

    def back(self, flight: Flight, answer: Answer, now: float) -> bool:
        """Count a try that has come back; True where it begins a pause."""
        self.in_flight -= 1
        self._probe.back(proven=not isinstance(answer, CallFailure) or answer.kind not in HOPELESS)
        self._settle(flight, answer.usage, now)
        if not isinstance(answer, CallFailure):
            self._aimd.succeeded()
            return False
        return answer.kind == "rate_limit" and self._turned_away(flight, answer, now)

    def _turned_away(self, flight: Flight, failure: CallFailure, now: float) -> bool:
        self._aimd.overrun(sent_at=flight.sent_at, now=now)
        asked = failure.retry_after_s or 0.0
        # Whoever asks for an hour is not waited for: those calls fail, and the breaker ends it.
        return asked <= LONGEST_RETRY_AFTER_S and self._pause.hold(asked, now)

    def _settle(self, flight: Flight, usage: Usage | None, now: float) -> None:
        """Put right what was taken on estimate."""
        used = 0 if usage is None else usage.input_tokens + usage.output_tokens
        if used:
            self._estimate.learn(used)
        if self._tokens is not None:
            self._tokens.take(used - flight.reserved, now)


def _allowance(per_minute: float | None, now: float) -> Allowance | None:
    return None if per_minute is None else Allowance(per_minute, now)

"""A rollout for tests: the file of the documentation, and small changes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.rollout.loading import parse_rollout

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import Rollout

FILE = """\
rollout: {id: gpt-4o-2026-11, unit: conversation, mode: live}
arms:
  old: {model: gpt-3.5-turbo, prompt: support}
  new: {model: gpt-4o, prompt: support}
percent: 5
steps:
  - {percent: 5,  min_duration: 24h, max_ratio: 3}
  - {percent: 25, max_ratio: 1.5}
  - {percent: 50, max_ratio: 1.25}
  - {percent: 100}
metrics:
  error: {type: event}
  slow:  {type: event, threshold_ms: 2400}
  bad:   {type: event, source: rating}
  cost_usd: {type: mean, max_ratio: 3.0, role: signal}
fallback: {on: [timeout, rate_limit, 5xx]}
breaker: {window: 60s, min_requests: 10, error_share: 0.5, cooldown: 30s}
on_inconclusive: hold
max_age: 1h
sink: {path: ./pilot}
evidence: decision.json
"""


def changed(*changes: tuple[str, str]) -> str:
    """Return the file with texts replaced; each must stand in it."""
    text = FILE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def rollout(*changes: tuple[str, str]) -> Rollout:
    """Return the rollout of the file, changed."""
    return parse_rollout(changed(*changes).encode(), file="rollout.yaml")

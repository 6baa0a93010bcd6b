from __future__ import annotations

from pytest_llmupgrade.rollout.breaker import Breaker
from pytest_llmupgrade.rollout.config import BreakerRule

RULE = BreakerRule(window_s=60, min_requests=10, error_share=0.5, cooldown_s=30)


def _opened(at: float = 100) -> Breaker:
    breaker = Breaker(RULE)
    for _ in range(10):
        breaker.saw(failed=True, now=at)
    return breaker


def test_it_opens_at_the_share() -> None:
    """Half of at least ten calls failing opens it; nine failures alone do not."""
    breaker = Breaker(RULE)
    for number in range(9):
        breaker.saw(failed=True, now=100 + number)
    assert breaker.allows(110)
    breaker.saw(failed=True, now=110)
    assert not breaker.allows(111)
    assert breaker.is_open


def test_successes_keep_it_closed() -> None:
    """Four failures in ten are below the share."""
    breaker = Breaker(RULE)
    for number in range(100):
        breaker.saw(failed=number % 5 in (1, 3), now=100)
    assert breaker.allows(100)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """Nine failures two minutes ago and one now do not open it."""
    breaker = Breaker(RULE)
    for _ in range(9):
        breaker.saw(failed=True, now=0)
    breaker.saw(failed=True, now=120)
    assert breaker.allows(120)


def test_one_probe_after_the_cooldown() -> None:
    """After the cool-down one call is tried; its success closes, and others wait for it."""
    breaker = _opened()
    assert not breaker.allows(129)
    assert breaker.allows(130)
    assert not breaker.allows(131)
    breaker.saw(failed=False, now=132)
    assert breaker.allows(132)
    assert not breaker.is_open


def test_a_failed_probe_waits_again() -> None:
    """A probe that fails starts the cool-down anew."""
    breaker = _opened()
    assert breaker.allows(130)
    breaker.saw(failed=True, now=131)
    assert not breaker.allows(160)
    assert breaker.allows(161)


def test_a_probe_that_never_ends_is_replaced() -> None:
    """A probe whose thread died does not keep the arm shut for good."""
    breaker = _opened()
    assert breaker.allows(130)
    assert breaker.allows(160)


def test_calls_from_before_it_opened_say_nothing() -> None:
    """The late success of a call that was under way does not close it."""
    breaker = _opened()
    breaker.saw(failed=False, now=101)
    assert not breaker.allows(102)

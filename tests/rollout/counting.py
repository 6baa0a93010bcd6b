"""Counts of a step for tests of the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.rollout.rollups import Counts, Key, Moments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.rollout.config import ArmName

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
METRICS = ("error", "slow", "bad")


def arm_counts(
    units: int,
    failed: Mapping[str, int] | None = None,
    *,
    first: int = 0,
    cost: float = 0.001,
    age_ms: int = 60_000,
) -> Counts:
    """Return an arm's counts: every unit one request and one rating, costs that spread by a half."""
    requests = max(1, units)
    everyone = frozenset(range(first, first + units))
    return Counts(
        requests=units,
        units=everyone,
        rated=everyone,
        failed={
            name: frozenset(range(first, first + count)) for name, count in (failed or {}).items() if count
        },
        moments={
            "cost_usd": Moments(count=units, total=cost * requests, squares=cost * cost * 1.25 * requests)
        },
        first_ms=NOW_MS - 2 * DAY_MS,
        last_ms=NOW_MS - age_ms,
    )


def step_counts(
    new: Counts, old: Counts, *, step: float = 5, rollout: str = "gpt-4o-2026-11"
) -> dict[Key, Counts]:
    """Return both arms' counts of a step."""
    arms: dict[ArmName, Counts] = {"new": new, "old": old}
    return {Key(rollout=rollout, mode="live", step=step, arm=name): counts for name, counts in arms.items()}


def equal(units: int = 40_000, failing: float = 0.01, *, step: float = 5) -> dict[Key, Counts]:
    """Return a step in which both arms do alike."""
    share = step / 100
    of_new = round(units * share)
    alike = dict.fromkeys(METRICS, round(of_new * failing))
    old = dict.fromkeys(METRICS, round((units - of_new) * failing))
    return step_counts(arm_counts(of_new, alike), arm_counts(units - of_new, old, first=10**9), step=step)

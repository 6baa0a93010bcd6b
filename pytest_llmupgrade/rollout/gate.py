"""The gate: one pure function from a rollout and its counts to checks; for the command line and for pytest alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.config import ARMS, EventMetric
from pytest_llmupgrade.rollout.event_checks import event_check
from pytest_llmupgrade.rollout.findings import Check, Reading
from pytest_llmupgrade.rollout.mean_checks import mean_check
from pytest_llmupgrade.rollout.rollups import Key
from pytest_llmupgrade.rollout.sides import Arms, Side, side_of
from pytest_llmupgrade.stats.sequential import log_e_mismatch, reaches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_llmupgrade.rollout.config import Rollout, Step
    from pytest_llmupgrade.rollout.rollups import Counts

MISMATCH = 1000.0
"""Evidence against the declared share of units at which nothing else is believed."""

MISSING = 0.01
"""Events that were lost or cannot be read, as a share of a step's requests, above which its records are no evidence."""

_MOST_AHEAD_MS = 300_000  # clocks of hosts differ by seconds


def evaluate(
    rollout: Rollout,
    counts: Mapping[Key, Counts],
    *,
    now_ms: int,
    percent: float | None = None,
    missing: int = 0,
) -> Reading:
    """Return what the records of one step say, by default of the one in force; steps are never pooled.

    Harm that another step's records show by now is harm, too. `missing` are events that were lost or cannot be read,
    nobody knows of which step and arm.
    """
    wanted = rollout.percent if percent is None else percent
    arms = _arms(rollout, counts, wanted)
    reading = read_step(rollout, arms, now_ms=now_ms, percent=wanted, missing=missing)
    return replace(reading, checks=(*reading.checks, *_elsewhere(rollout, counts, wanted)))


def _arms(rollout: Rollout, counts: Mapping[Key, Counts], percent: float) -> Arms:
    keys = (Key(rollout=rollout.id, mode="live", step=percent, arm=name) for name in ARMS)
    old, new = (side_of(counts[key]) if key in counts else Side() for key in keys)
    return Arms(share=percent / 100, new=new, old=old)


def _elsewhere(rollout: Rollout, counts: Mapping[Key, Counts], percent: float) -> Iterator[Check]:
    """Yield the harm that another step's records show by now: ratings come late, and belong to their answer's step."""
    for step in rollout.steps:
        arms = _arms(rollout, counts, step.percent)
        if step.percent == percent or not arms.requests:
            continue
        for metric in rollout.event_metrics:
            check = event_check(metric, step, arms, metrics=len(rollout.metrics))
            if check.finding == "harm":
                yield replace(check, name=f"{metric.name} at {step.percent:g} %")


def read_step(rollout: Rollout, arms: Arms, *, now_ms: int, percent: float, missing: int = 0) -> Reading:
    """Do as `evaluate` does, from numbers that were counted elsewhere."""
    step = rollout.step_of(percent)
    if step is None:
        words = f"step {percent:g} %: nobody is answered by the new arm"
        return Reading(step=percent, checks=(Check(name="records", finding="lacking", words=words),))
    return Reading(step=percent, checks=tuple(_checks(rollout, step, arms, (now_ms, missing))))


def _checks(rollout: Rollout, step: Step, arms: Arms, around: tuple[int, int]) -> Iterator[Check]:
    now_ms, missing = around
    yield _records(rollout, arms, now_ms, missing)
    yield _duration(step, arms)
    if arms.share < 1:
        yield traffic_check(arms)
    tested = len(rollout.metrics)
    for metric in rollout.metrics:
        if isinstance(metric, EventMetric):
            yield event_check(metric, step, arms, metrics=tested)
        elif arms.share < 1:
            yield mean_check(metric, arms, metrics=tested)


def _records(rollout: Rollout, arms: Arms, now_ms: int, missing: int) -> Check:
    """Check that both arms were served lately, as far as the step lets them be."""
    served = {"new": arms.new} if arms.share == 1 else {"new": arms.new, "old": arms.old}
    unserved = [name for name, counts in served.items() if counts.last_ms is None]
    if unserved:
        words = (
            f"no requests of the {' and the '.join(unserved)} arm at {arms.share * 100:g} % are recorded yet"
        )
        return Check(name="records", finding="lacking", words=words)
    name, last = min(
        ((name, counts.last_ms or 0) for name, counts in served.items()), key=lambda each: each[1]
    )
    age = now_ms - last
    if age > rollout.max_age_s * 1000:
        words = (
            f"stale: the last request of the {name} arm is {wording.duration(age)} old, "
            f"max_age is {wording.duration(rollout.max_age_s * 1000)}; a newer one of each arm is needed"
        )
        return Check(name="records", finding="wrong", words=words)
    ahead = max(counts.last_ms or 0 for counts in served.values()) - now_ms
    if ahead > _MOST_AHEAD_MS:
        words = (
            f"a request is {wording.duration(ahead)} ahead of this clock: set the clocks, for steps are timed"
        )
        return Check(name="records", finding="wrong", words=words)
    requests = sum(counts.requests for counts in served.values())
    if missing > MISSING * requests:
        words = (
            f"{missing:,} events were lost or cannot be read, beside {requests:,} requests: more than "
            f"{MISSING * 100:g} %, and nobody knows which arm's they were"
        )
        return Check(name="records", finding="lacking", words=words)
    words = f"{requests:,} requests, the last {wording.duration(max(0, age))} ago"
    return Check(name="records", finding="pass", words=words)


def _duration(step: Step, arms: Arms) -> Check:
    lasted, wanted = arms.lasted_ms, step.min_duration_s * 1000
    if lasted < wanted:
        words = f"{wording.duration(lasted)} of {wording.duration(wanted)}; {wording.duration(wanted - lasted)} to go"
        return Check(name="duration", finding="lacking", words=words, need=arms.need_of_time(wanted - lasted))
    return Check(name="duration", finding="pass", words=f"{wording.duration(lasted)} at {step.percent:g} %")


def traffic_check(arms: Arms) -> Check:
    """Check that the units fell to the arms as declared."""
    new, old = arms.new.units, arms.old.units
    of = new + old
    words = f"{new:,} of {of:,} units went to the new arm"
    evidence = log_e_mismatch(new, old, arms.share)
    if reaches(evidence, MISMATCH):
        expected = round(of * arms.share)
        words += (
            f" where {arms.share * 100:g} % are about {expected:,}: some are lost, or decided elsewhere; "
            "no figure of this step can be trusted. Mend it, and begin anew with a new id"
        )
        return Check(name="traffic", finding="wrong", words=words, log_e_harm=evidence)
    return Check(name="traffic", finding="pass", words=words, log_e_harm=evidence)

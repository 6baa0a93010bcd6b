"""Where a rollout stands: what the file wants, what the gate read, and what was decided before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from pytest_llmupgrade.rollout.config import MeanMetric

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import Rollout
    from pytest_llmupgrade.rollout.findings import Reading

StateName: TypeAlias = Literal["shadow", "pilot", "hold", "ready", "complete", "rolled_back", "killed"]
STATES: tuple[StateName, ...] = get_args(StateName)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The actual state; `rollout.yaml` has the desired one."""

    rollout: str
    """The rollout's id."""
    name: StateName
    step: float
    """The percentage that it was read at."""
    why: str
    """One sentence."""

    @property
    def latched(self) -> bool:
        """Whether it stays until the rollout has a new id."""
        return self.name == "rolled_back"

    def like(self, other: State) -> bool:
        """Whether two states differ in their words only."""
        return (self.rollout, self.name, self.step) == (other.rollout, other.name, other.step)


def state_of(rollout: Rollout, reading: Reading, *, before: State | None, killed: str | None) -> State:
    """Return where a rollout stands; `before` is its own last state, and a rollback stays, whatever is read later."""
    if before is not None and before.rollout == rollout.id and before.latched:
        return before
    name, why = _named(rollout, reading, killed)
    if name == "killed" and before is not None and (before.rollout, before.name) == (rollout.id, name):
        why = before.why  # the words of whoever killed it
    return State(rollout=rollout.id, name=name, step=rollout.percent, why=why)


def _named(rollout: Rollout, reading: Reading, killed: str | None) -> tuple[StateName, str]:
    # harm first: once the kill is taken back, the new arm must not be served until somebody looks
    if reading.finding == "harm" and rollout.mode == "live" and rollout.percent:
        return "rolled_back", _words(reading, "harm")
    if killed is not None:
        return "killed", killed
    if rollout.mode == "shadow":
        return "shadow", "the old arm answers everybody, the new one is called beside it"
    if not rollout.percent:
        return "hold", "percent: 0: nobody is answered by the new arm"
    return _read(rollout, reading)


def _read(rollout: Rollout, reading: Reading) -> tuple[StateName, str]:
    if reading.finding == "wrong":
        return "hold", _words(reading, "wrong")
    return _inconclusive(rollout, reading) if reading.finding == "lacking" else _passed(rollout)


def _passed(rollout: Rollout) -> tuple[StateName, str]:
    following = next_percent(rollout, rollout.percent)
    if following is None:
        return "complete", f"all of the traffic is the new arm's{_unwatched(rollout)}"
    return "ready", f"every check passes: raise percent from {rollout.percent:g} to {following:g}"


def _unwatched(rollout: Rollout) -> str:
    """Return the guardrails that hold nothing once there is no old arm: only a max_share is a limit by itself."""
    names = [
        metric.name
        for metric in rollout.metrics
        if metric.role == "guardrail" and (isinstance(metric, MeanMetric) or metric.max_share is None)
    ]
    return f"; not watched any more, for only max_share needs no old arm: {', '.join(names)}" if names else ""


def _inconclusive(rollout: Rollout, reading: Reading) -> tuple[StateName, str]:
    """Return what `on_inconclusive` makes of a step that lasted long enough and is still not decided."""
    lacking = reading.of("lacking")
    words = _words(reading, "lacking")
    if any(check.name in ("records", "duration") for check in lacking) or reading.step == _ALL:
        return "pilot", words
    match rollout.on_inconclusive:
        case "rollback":
            return "rolled_back", f"on_inconclusive: rollback, and the step is over: {words}"
        case "promote":
            return "ready", f"on_inconclusive: promote, without the evidence: {words}"
        case "extend":
            return "pilot", f"on_inconclusive: extend, the step goes on: {words}"
        case "hold":
            return "hold", words


def next_percent(rollout: Rollout, percent: float) -> float | None:
    """Return the step after a percentage; None after the last."""
    return next((step.percent for step in rollout.steps if step.percent > percent), None)


_ALL = 100.0


def _words(reading: Reading, finding: str) -> str:
    return "; ".join(f"{check.name}: {check.words}" for check in reading.checks if check.finding == finding)

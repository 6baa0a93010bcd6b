"""What a pull request does to a rollout, and whether a rollout may be changed so at all; pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_llmupgrade.rollout.config import EventMetric
from pytest_llmupgrade.rollout.states import next_percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.rollout.config import Arm, Metric, Rollout

Kind: TypeAlias = Literal["present", "lower", "start", "raise"]
"""`present`: nothing is raised, so that only harm matters; `start`: the first units meet the new arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A rollout file beside the one that the pull request started from."""

    after: Rollout
    before: Rollout | None
    """As the base has it; None: it has none, or no base is known."""
    compared: bool
    """Whether a base is known."""

    @property
    def left(self) -> float:
        """The percentage that is in force now, 0 for a rollout that is new."""
        before = self.before
        return before.percent if before is not None and before.id == self.after.id else 0.0

    @property
    def kind(self) -> Kind:
        """What happens to the new arm's share."""
        if not self.compared or self.after.percent == self.left:
            return "present"
        if self.after.percent < self.left:
            return "lower"
        return "raise" if self.left else "start"

    @property
    def label(self) -> str:
        """How the items are called: `5->25`, or `5` where nothing changes."""
        return self._label("->")

    @property
    def words(self) -> str:
        """The label as sentences have it."""
        return self._label(" -> ")

    def _label(self, arrow: str) -> str:
        after = f"{self.after.percent:g}"
        return after if self.kind == "present" else f"{self.left:g}{arrow}{after}"

    @property
    def line(self) -> int:
        """Where the percentage stands in the file, from 1."""
        return self.after.lines.get("percent", 1)

    @property
    def judged(self) -> Rollout:
        """The rollout whose step the records are read for: the one that was in force while they were written."""
        return self.before if self.kind == "raise" and self.before is not None else self.after

    @property
    def new_meaning(self) -> str | None:
        """Why records made under the id may not count any more, while nobody is served by it; None: they may."""
        before = self.before
        if not self.compared or self.left or before is None or before.id != self.after.id:
            return None
        return _meaning_fault(before, self.after)

    @property
    def versions(self) -> tuple[Rollout, ...]:
        """The rollout as both versions have it, where it is the same one: what stopped it may lie in the sink of either."""
        same = self.before is not None and self.before.id == self.after.id
        return (self.after, self.before) if same and self.before is not None else (self.after,)

    @property
    def item_names(self) -> tuple[str, ...]:
        """What there is to check, one name each."""
        if self.kind == "lower":
            return ("step",)
        offline = ("evidence", "fingerprint", "deadline")
        if self.kind == "start" or not self.after.percent:
            return ("step", *offline)
        gate = ("records", "duration") if self.judged.percent >= _ALL else ("records", "duration", "traffic")
        metrics = (metric.name for metric in self.judged.metrics if _watched(metric, self.judged.percent))
        return ("step", *gate, *metrics, *offline)


def step_fault(change: Change) -> str | None:
    """Return why the file may not be changed so, whatever the records say; None: it may."""
    match change.kind:
        case "lower" | "present":
            return _running_fault(change)
        case "start":
            return _start_fault(change)
        case "raise":
            return _running_fault(change) or _raise_fault(change)


# --- the kinds -------------------------------------------------------------------------------------


_ALL = 100.0


def _start_fault(change: Change) -> str | None:
    first = change.after.steps[0].percent
    if change.after.percent != first:
        return f"a rollout starts at its first step; write percent: {first:g}"
    then = first if change.before is None else change.before.steps[0].percent
    if first > then:
        return (
            f"the first step becomes {first:g} where it was {then:g}, and a start needs no records; "
            "change steps in a pull request of its own"
        )
    return None


def _raise_fault(change: Change) -> str | None:
    following = next_percent(change.after, change.left)
    others = tuple(_differences(change))
    if others:
        return (
            f"{_listed(others)} {'changes' if len(others) == 1 else 'change'}, too, and the records were made and "
            "judged by what stood there before; raise percent in a pull request of its own"
        )
    if change.after.percent != following:
        return f"no step may be skipped; write percent: {following:g}"
    return None


def _running_fault(change: Change) -> str | None:
    """Return what may not change under the records of a step that is in force."""
    if change.before is None or not change.left:
        return None
    return _meaning_fault(change.before, change.after)


def _meaning_fault(before: Rollout, after: Rollout) -> str | None:
    """Return what of a change makes the records before it those of another rollout."""
    for arm in ("new", "old"):
        then, now = before.arms[arm], after.arms[arm]
        if _told(then) != _told(now):
            return (
                f"arms.{arm} becomes {_shown(now)} where {_shown(then)} was: "
                "another arm is another rollout; give it a new rollout.id and start at the first step"
            )
    if before.unit != after.unit:
        return (
            f"unit {before.unit} becomes {after.unit}, which deals everybody anew; give it a new rollout.id"
        )
    if PurePath(before.sink.path) != PurePath(after.sink.path):
        return (
            f"sink {before.sink.path} becomes {after.sink.path}, where no rollback or kill of the old one is seen; "
            "give it a new rollout.id"
        )
    return next(_redefined(before, after), None)


def _redefined(before: Rollout, after: Rollout) -> Iterator[str]:
    """Yield the metrics that count something else from now on, under the name of what was counted before."""
    then = {metric.name: metric for metric in before.metrics}
    for metric in after.metrics:
        known = then.get(metric.name)
        if known is not None and _measure(known) != _measure(metric):
            yield (
                f"metrics.{metric.name} counts something else now, beside what its records counted before; "
                "give it another name, or the rollout a new id"
            )


def _measure(metric: Metric) -> tuple[object, ...]:
    threshold = metric.threshold_ms if isinstance(metric, EventMetric) else None
    return type(metric), metric.source, threshold


def _differences(change: Change) -> Iterator[str]:
    """Yield the keys that decide what the records mean, or how they are judged, and that change."""
    before, after = change.before, change.after
    if before is None:
        return
    for name, then, now in (
        ("arms", before.arms, after.arms),
        ("steps", _steps(before), _steps(after)),
        ("metrics", _metrics(before), _metrics(after)),
        ("fallback", before.fallback_on, after.fallback_on),
        ("breaker", before.breaker, after.breaker),
        ("max_age", before.max_age_s, after.max_age_s),
        ("on_inconclusive", before.on_inconclusive, after.on_inconclusive),
    ):
        if then != now:
            yield name


def _steps(rollout: Rollout) -> tuple[object, ...]:
    return tuple((step.percent, step.min_duration_s, step.max_ratio) for step in rollout.steps)


def _metrics(rollout: Rollout) -> tuple[object, ...]:
    """Return the metrics without their lines."""
    return tuple(
        (
            metric.name,
            _measure(metric),
            metric.role,
            metric.max_ratio,
            metric.max_share if isinstance(metric, EventMetric) else None,
        )
        for metric in rollout.metrics
    )


def _watched(metric: Metric, percent: float) -> bool:
    """Whether the gate has a check of a metric: with all of the traffic no means are left to compare."""
    return percent < _ALL or isinstance(metric, EventMetric)


def _told(arm: Arm) -> tuple[str, str | None]:
    """Return what makes an arm another one."""
    return arm.model, arm.prompt


def _shown(arm: Arm) -> str:
    return arm.model if arm.prompt is None else f"{arm.model} with prompt {arm.prompt}"


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

"""The story of a simulated rollout: a team that raises the percentage whenever the gate lets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_llmupgrade.model import Usage
from pytest_llmupgrade.rollout.events import cost_of
from pytest_llmupgrade.rollout.gate import read_step
from pytest_llmupgrade.rollout.simulating.traffic import (
    EACH_ITS_OWN,
    base_shares,
    conducts,
    requests,
    simulated,
    usual_tokens,
)
from pytest_llmupgrade.rollout.simulating.world import World
from pytest_llmupgrade.rollout.states import next_percent, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.rollout.config import ArmName, EventMetric, Rollout
    from pytest_llmupgrade.rollout.events import Event
    from pytest_llmupgrade.rollout.findings import Reading
    from pytest_llmupgrade.rollout.sides import Arms
    from pytest_llmupgrade.rollout.simulating.traffic import Conduct, Request, Wanted
    from pytest_llmupgrade.rollout.states import State

START_S = 1_767_225_600.0
"""2026-01-01, UTC: where the virtual clock begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One step."""

    percent: float
    began_s: float
    """Since the start."""
    ended_s: float
    arms: Arms
    reading: Reading
    """The last one."""
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Units of the new arm that something bad happened to at least once."""

    units: int
    anyway: int
    """Those among them to whom the old arm would have done the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What would have happened."""

    rollout: Rollout
    wanted: Wanted
    chapters: tuple[Chapter, ...]
    served: int
    """Requests until the end of the story."""
    new_requests: int
    new_units: int
    """Served by the new arm at least once, in any step."""
    shares: Mapping[str, float]
    """By event metric: of the old arm's requests."""
    hits: Mapping[str, Hit]
    """By event metric."""
    left_out: tuple[str, ...]
    """Metrics that cannot be simulated."""

    @property
    def end(self) -> State:
        """Where it ended."""
        return self.chapters[-1].state


def tell(rollout: Rollout, wanted: Wanted, *, every_s: float) -> Story:
    """Simulate a rollout from the percentage it declares, or its first step; a watcher looks every so often."""
    metrics = simulated(rollout)
    percent = rollout.percent or rollout.steps[0].percent
    played = replace(rollout, mode="live", percent=percent, metrics=metrics)
    if rollout.unit == "request":  # the router would draw these units by chance, and never the same twice
        played, wanted = replace(played, unit="conversation"), replace(wanted, units=EACH_ITS_OWN)
    behaviour = conducts(played, wanted, _price_ratio(rollout))
    toll = _Toll(played.event_metrics, behaviour)
    teller = _Teller(World(played, behaviour, start_s=START_S), toll, every_s)
    teller.play(wanted)
    return Story(
        rollout=rollout,
        wanted=wanted,
        chapters=tuple(teller.chapters),
        served=teller.served,
        new_requests=toll.requests,
        new_units=len(toll.units),
        shares=base_shares(played, wanted),
        hits={metric.name: toll.hit(metric.name) for metric in played.event_metrics},
        left_out=tuple(metric.name for metric in rollout.metrics if metric not in metrics),
    )


def _price_ratio(rollout: Rollout) -> float | None:
    """Return what the same tokens cost on the new arm, as a multiple of the old one's."""
    given, answered = usual_tokens()
    usage = Usage(input_tokens=given, output_tokens=answered)
    old, new = (cost_of(rollout.arms[name], usage) for name in ("old", "new"))
    return float(new / old) if new and old else None


class _Toll:
    """Whom the new arm served, and what it did to them."""

    def __init__(self, metrics: tuple[EventMetric, ...], behaviour: Mapping[ArmName, Conduct]) -> None:
        self._metrics, self._behaviour = metrics, behaviour
        self.requests = 0
        self.units: set[str] = set()
        self._hits: dict[str, set[str]] = {metric.name: set() for metric in metrics}
        self._anyway: dict[str, set[str]] = {metric.name: set() for metric in metrics}

    def take(self, request: Request, event: Event) -> None:
        """Count a request of the new arm."""
        self.requests += 1
        self.units.add(request.unit)
        for metric in self._metrics:
            if self._happened(metric, request, event):
                self._hits[metric.name].add(request.unit)
            if _happens(metric, request, self._behaviour["old"]):
                self._anyway[metric.name].add(request.unit)

    def hit(self, metric: str) -> Hit:
        """Return whom a metric's harm reached."""
        units = self._hits[metric]
        return Hit(units=len(units), anyway=len(units & self._anyway[metric]))

    def _happened(self, metric: EventMetric, request: Request, event: Event) -> bool:
        if metric.source != "rating":
            return metric.name in event.get("hits", ())
        served = event["served"]
        return served is not None and _happens(metric, request, self._behaviour[served])


def _happens(metric: EventMetric, request: Request, conduct: Conduct) -> bool:
    if metric.source == "error":
        return conduct.fails(request)
    if metric.source == "rating":
        return request.rated and conduct.displeases(request)
    return metric.threshold_ms is not None and conduct.latency_ms(request) > metric.threshold_ms


class _Teller:
    """Serves the traffic, looks, and acts on what it sees."""

    def __init__(self, world: World, toll: _Toll, every_s: float) -> None:
        self._world, self._every_s = world, every_s
        self.toll = toll
        self.chapters: list[Chapter] = []
        self.served = 0
        self._began_s = 0.0
        self._next_look_s = every_s

    def play(self, wanted: Wanted) -> None:
        """Serve until the rollout is over, or the traffic is."""
        at_s = 0.0
        for request in requests(wanted):
            if request.at_s >= self._next_look_s and self._look(at_s):
                return
            at_s = request.at_s
            event = self._world.serve(request)
            self.served += 1
            if event["arm"] == "new":
                self.toll.take(request, event)
        self.chapters.append(self._chapter(at_s))

    def _look(self, at_s: float) -> bool:
        """Look as `llmupgrade rollout watch` does; True where the story ends."""
        self._next_look_s = max(self._next_look_s, at_s) + self._every_s
        chapter = self._chapter(at_s)
        match chapter.state.name:
            case "complete" if self._limited:
                return False  # a fixed limit may still be broken
            case "rolled_back" | "complete":
                self.chapters.append(chapter)
                return True
            case "ready":
                self.chapters.append(chapter)
                self._go_on(chapter)
        return False

    @property
    def _limited(self) -> bool:
        """Whether a limit is left that needs no old arm."""
        return any(metric.max_share is not None for metric in self._world.declared.rollout.event_metrics)

    def _go_on(self, chapter: Chapter) -> None:
        following = next_percent(self._world.declared.rollout, chapter.percent)
        assert following is not None  # noqa: S101  the last step is complete, never ready
        self._world.move(following)
        self._began_s = chapter.ended_s

    def _chapter(self, at_s: float) -> Chapter:
        rollout = self._world.declared.rollout
        arms = self._world.arms(rollout.percent)
        now_ms = round((START_S + at_s) * 1000)
        reading = read_step(rollout, arms, now_ms=now_ms, percent=rollout.percent)
        return Chapter(
            percent=rollout.percent,
            began_s=self._began_s,
            ended_s=at_s,
            arms=arms,
            reading=reading,
            state=state_of(rollout, reading, before=None, killed=None),
        )

"""The simulation's side of the router's seams: a clock that is set, records in memory, arms that know how they end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.rollout.clock import Clock
from pytest_llmupgrade.rollout.core import Core
from pytest_llmupgrade.rollout.deciding import Decider
from pytest_llmupgrade.rollout.events import CallEnd, call_event
from pytest_llmupgrade.rollout.policy import policy_of
from pytest_llmupgrade.rollout.rollups import Key
from pytest_llmupgrade.rollout.router import ModelRouter
from pytest_llmupgrade.rollout.sides import Arms
from pytest_llmupgrade.rollout.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.rollout.config import ArmName, Rollout
    from pytest_llmupgrade.rollout.events import Event
    from pytest_llmupgrade.rollout.policy import Policy
    from pytest_llmupgrade.rollout.simulating.traffic import Conduct, Request


@dataclass(slots=True)
class VirtualTime:
    """Seconds since 1970 that pass when told to."""

    now_s: float

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def read(self) -> float:
        """Return the time."""
        return self.now_s


class Kept:
    """A router's records, counted as they come, as a reader of its files would count them."""

    fault: str | None = None

    def __init__(self) -> None:
        self.tally = Tally()
        self.written = self.lost = 0
        self.last: Event = {}
        """The latest request."""

    def put(self, item: CallEnd | Event) -> None:
        """Count an event."""
        event = call_event(item) if isinstance(item, CallEnd) else item
        if event["type"] == "call":
            self.last = event
        self.tally.add(event)
        self.written += 1

    def flush(self) -> bool:
        """Return True: what is counted is kept."""
        return True

    def close(self) -> None:
        """Do nothing: there is no file."""

    def after_fork(self) -> None:
        """Do nothing: a simulation forks nobody."""


class Declared:
    """The rollout as the simulation's team declares it, step after step."""

    fault: str | None = None

    def __init__(self, rollout: Rollout) -> None:
        self.rollout = rollout
        self.stopped: str | None = None

    def look(self) -> Policy:
        """Return what is in force."""
        return policy_of(self.rollout, self.stopped)


class World:
    """A real router in made surroundings."""

    def __init__(self, rollout: Rollout, conducts: Mapping[ArmName, Conduct], *, start_s: float) -> None:
        self.time = VirtualTime(start_s)
        self.start_s = start_s
        self.kept = Kept()
        self.declared = Declared(rollout)
        self._request: Request | None = None
        self._conducts = conducts
        core = Core(
            Decider(self.declared, watches=False),
            self.kept,
            clock=Clock(unix=self.time.read, running=self.time.read, sleep=self.time.sleep),
        )
        self.router = ModelRouter(core, old=self._arm("old"), new=self._arm("new"))

    def serve(self, request: Request) -> Event:
        """Send a request through the router, and its user's rating; return what was recorded of it."""
        self._request = request
        self.time.now_s = self.start_s + request.at_s
        with suppress(TimeoutError):  # the product's to handle
            self.router.call((), unit=request.unit)
        event = self.kept.last
        if request.rated and event["served"] is not None:
            conduct = self._conducts[event["served"]]
            self.router.rate(event["call"], good=not conduct.displeases(request))
        return event

    def move(self, percent: float) -> None:
        """Merge the pull request that changes the percentage."""
        self.declared.rollout = replace(self.declared.rollout, percent=percent)
        self.router.poll()

    def arms(self, percent: float) -> Arms:
        """Return the numbers of a step."""
        rollout = self.declared.rollout
        old, new = (
            self.kept.tally.side(Key(rollout=rollout.id, mode="live", step=percent, arm=arm))
            for arm in rollout.arms
        )
        return Arms(share=percent / 100, new=new, old=old)

    def _arm(self, name: ArmName) -> Callable[[Any], Any]:
        conduct = self._conducts[name]

        def call(_messages: Any) -> Any:
            request = self._request
            assert request is not None  # noqa: S101  `serve` alone calls the router
            self.time.sleep(conduct.latency_ms(request) / 1000)
            if conduct.fails(request):
                raise TimeoutError
            return {"usage": conduct.usage(request)}

        return call

"""What a shadow shows: both arms on the same requests, so that the statistics of an offline run apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.reading import pairs
from pytest_llmupgrade.stats import Interval, Pairs, tango

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_llmupgrade.rollout.config import Rollout
    from pytest_llmupgrade.rollout.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """One event metric over the requests that had a shadow."""

    name: str
    requests: int
    new_alone: int
    """Requests that it happened to on the new arm only."""
    old_alone: int
    difference: Interval
    """New minus old share of requests, -1 to 1, with its 90 % Tango interval: for one look, not for many."""

    @property
    def words(self) -> str:
        """One sentence with the numbers."""
        shown = wording.interval(self.difference.low, self.difference.high)
        return (
            f"of {self.requests:,} requests with a shadow the new arm alone failed {self.new_alone:,}, the old one "
            f"alone {self.old_alone:,}: {wording.points(self.difference.estimate)} {shown}"
        )


def paired(rollout: Rollout, sink: Path, places: Sequence[Place] = ()) -> tuple[Paired, ...]:
    """Return each event metric over a shadow's pairs; empty where there are none. Ratings have no pairs."""
    names = [metric.name for metric in rollout.event_metrics if metric.source != "rating"]
    alone = {name: [0, 0] for name in names}
    requests = 0
    for old, new in pairs(sink, places):
        if old["rollout"] != rollout.id or old.get("cancelled"):
            continue
        requests += 1
        hits = [set(event.get("hits", ())) for event in (old, new)]
        for name in names:
            alone[name][0] += name in hits[1] - hits[0]
            alone[name][1] += name in hits[0] - hits[1]
    return tuple(_paired(name, requests, *alone[name]) for name in names) if requests else ()


def _paired(name: str, requests: int, new_alone: int, old_alone: int) -> Paired:
    bounds = tango(Pairs(broke=new_alone, fixed=old_alone, n=requests))
    return Paired(
        name=name,
        requests=requests,
        new_alone=new_alone,
        old_alone=old_alone,
        # what is a loss of passes there is a gain of failures here
        difference=Interval(-bounds.estimate, -bounds.high, -bounds.low),
    )

"""Made traffic: when requests come, whose they are, and how they would end on either arm."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.config import ARMS, EventMetric
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_llmupgrade.rollout.config import ArmName, Metric, Rollout

_USUAL = {"error": 0.01, "latency": 0.05, "rating": 0.1}
"""Shares of the old arm's requests, where nothing else is asked for."""
_SIGMA = 0.5  # of the logarithm of latencies and of token counts
_MEDIAN_MS = 800.0
_TOKENS = (300, 80)  # input, output
_MOST = 0.999
_SOURCES = {
    "error": "error",
    "latency": "latency",
    "latency_ms": "latency",
    "rating": "rating",
    "cost_usd": "cost_usd",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
}
"""What is simulated, by a metric's source; the time to a first token is not: answers come whole."""


EACH_ITS_OWN = 2**62
"""So many units that no two requests meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The traffic that is asked for."""

    requests: int
    units: int
    per_second: float
    base: Mapping[str, float]
    """By event metric: the share of the old arm's requests that it happens to."""
    harm: Mapping[str, float]
    """By metric: the new arm's as a multiple of the old one's; 1 where nothing is said."""
    rated: float
    """Share of requests that get a rating."""
    sticky: bool
    """Whether a unit that fails once fails at each of its requests."""
    seed: int


@dataclass(frozen=True, slots=True)
class Request:
    """One request, with the same luck on either arm: what differs between them is the arm."""

    at_s: float
    """Since the start."""
    unit: str
    error: float
    """Uniform on 0 to 1; the arm fails it where this is below the arm's share."""
    slowness: float
    """Standard normal."""
    size: float
    """Standard normal."""
    bad: float
    rated: bool


def requests(wanted: Wanted) -> Iterator[Request]:
    """Yield the traffic in the order of time; the same seed gives the same, whatever the arms are."""
    rng = random.Random(wanted.seed)  # noqa: S311  a simulation, and it must be repeatable
    lasting: dict[int, tuple[float, float, float]] = {}
    now = 0.0
    for _ in range(wanted.requests):
        now += rng.expovariate(wanted.per_second)
        unit = rng.randrange(wanted.units)
        luck = (rng.random(), rng.gauss(0, 1), rng.random())
        size, rated = rng.gauss(0, 1), rng.random() < wanted.rated
        if wanted.sticky:
            luck = lasting.setdefault(unit, luck)
        yield Request(now, f"unit-{unit}", luck[0], luck[1], size, luck[2], rated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How an arm treats requests."""

    error: float
    bad: float
    """Shares of requests."""
    median_ms: float
    tokens: tuple[float, float]

    def fails(self, request: Request) -> bool:
        """Whether it brings no answer."""
        return request.error < self.error

    def displeases(self, request: Request) -> bool:
        """Whether a rating of its answer is bad."""
        return request.bad < self.bad

    def latency_ms(self, request: Request) -> float:
        """Return how long it takes; log-normal."""
        return self.median_ms * math.exp(_SIGMA * request.slowness)

    def usage(self, request: Request) -> dict[str, int]:
        """Return the tokens as a provider reports them."""
        spread = math.exp(_SIGMA * request.size)
        given, answered = (max(1, round(tokens * spread)) for tokens in self.tokens)
        return {"prompt_tokens": given, "completion_tokens": answered}


def simulated(rollout: Rollout) -> tuple[Metric, ...]:
    """Return the metrics that can be simulated."""
    return tuple(metric for metric in rollout.metrics if metric.source in _SOURCES)


def conducts(rollout: Rollout, wanted: Wanted, price_ratio: float | None) -> dict[ArmName, Conduct]:
    """Return how both arms behave; UsageError for a metric that is none, or follows from another.

    `price_ratio` is what the same tokens cost on the new arm, as a multiple of the old one's; None: unpriced.
    """
    led = _leading(rollout)
    _check_names(rollout, led, wanted)
    shares = {source: wanted.base.get(metric.name, _USUAL.get(source, 0.0)) for source, metric in led.items()}
    harms = {source: wanted.harm.get(metric.name, 1.0) for source, metric in led.items()}
    tokens = _token_factors(led, wanted, harms, price_ratio)
    return {
        arm: Conduct(
            error=_share(shares, harms, "error", arm),
            bad=_share(shares, harms, "rating", arm),
            median_ms=_median_ms(led.get("latency"), shares, harms, arm),
            tokens=_TOKENS if arm == "old" else (_TOKENS[0] * tokens[0], _TOKENS[1] * tokens[1]),
        )
        for arm in ARMS
    }


def base_shares(rollout: Rollout, wanted: Wanted) -> dict[str, float]:
    """Return the share of the old arm's requests that each event metric happens to, but for those that follow."""
    led = _leading(rollout)
    return {
        metric.name: _base(source, metric, wanted)
        for source, metric in led.items()
        if isinstance(metric, EventMetric)
    }


def _base(source: str, metric: Metric, wanted: Wanted) -> float:
    return wanted.base.get(metric.name, _USUAL.get(source, 0.0))


def _leading(rollout: Rollout) -> dict[str, Metric]:
    """Return the metric that says how often each thing happens: the first that measures it."""
    led: dict[str, Metric] = {}
    for metric in simulated(rollout):
        led.setdefault(_SOURCES[metric.source], metric)
    return led


def _check_names(rollout: Rollout, led: Mapping[str, Metric], wanted: Wanted) -> None:
    known = {metric.name: metric for metric in simulated(rollout)}
    for flag, names in (("harm", wanted.harm), ("base", wanted.base)):
        for name in names:
            if name not in known:
                hint = nearest(name, known) or f"Simulated: {', '.join(known)}"
                raise UsageError(f"--{flag} {name}: {rollout.file} has no such metric to simulate. {hint}")
            leader = led[_SOURCES[known[name].source]]
            if leader.name != name:
                raise UsageError(f"--{flag} {name}: it follows from {leader.name!r}, which measures the same")
            if flag == "base" and not isinstance(leader, EventMetric):
                raise UsageError(f"--base {name}: a mean has no share; --harm {name}=RATIO is taken")


def _share(shares: Mapping[str, float], harms: Mapping[str, float], source: str, arm: ArmName) -> float:
    """Return the share of an arm's requests that something happens to; 0 where no metric asks."""
    return min(1.0, shares.get(source, 0.0) * (harms.get(source, 1.0) if arm == "new" else 1.0))


def _median_ms(
    leader: Metric | None, shares: Mapping[str, float], harms: Mapping[str, float], arm: ArmName
) -> float:
    if not isinstance(leader, EventMetric) or leader.threshold_ms is None:
        return _MEDIAN_MS * (harms.get("latency", 1.0) if arm == "new" else 1.0)
    share = min(_MOST, max(1e-9, _share(shares, harms, "latency", arm)))
    return leader.threshold_ms * math.exp(-_SIGMA * NormalDist().inv_cdf(1 - share))


def _token_factors(
    led: Mapping[str, Metric], wanted: Wanted, harms: Mapping[str, float], price_ratio: float | None
) -> tuple[float, float]:
    """Return the new arm's tokens as multiples of the old one's, so that a wanted cost comes out."""
    given, answered = harms.get("input_tokens", 1.0), harms.get("output_tokens", 1.0)
    leader = led.get("cost_usd")
    if leader is None or leader.name not in wanted.harm:
        return given, answered
    if (given, answered) != (1.0, 1.0):
        raise UsageError(f"--harm {leader.name}: give the cost's ratio, or that of tokens")
    if price_ratio is None:
        raise UsageError(f"--harm {leader.name}: unpriced; declare the arms' price in rollout.yaml")
    return harms["cost_usd"] / price_ratio, harms["cost_usd"] / price_ratio


def usual_tokens() -> tuple[int, int]:
    """Return input and output tokens of the median request."""
    return _TOKENS

"""`llmupgrade rollout simulate`: numbers in, a story out; nothing is written, nobody is called."""

from __future__ import annotations

import json
import logging
import math
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.loading import duration_s, load_rollout
from pytest_llmupgrade.rollout.page import page
from pytest_llmupgrade.rollout.simulating.running import tell
from pytest_llmupgrade.rollout.simulating.telling import story_lines, story_plain
from pytest_llmupgrade.rollout.simulating.traffic import Wanted
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_MOST_REQUESTS = 100_000_000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def simulate(options: argparse.Namespace) -> int:
    """Print what would have happened."""
    rollout = load_rollout(options.file)
    wanted, every_s = _wanted(options), duration_s(options.every)
    if not every_s:
        raise UsageError(f"--every={options.every}: write a duration such as 30s or 5m")
    with _quiet_router():
        story = tell(rollout, wanted, every_s=every_s)
    if options.format == "json":
        sys.stdout.write(f"{json.dumps(story_plain(story), indent=1)}\n")
        return 0
    for line in story_lines(story, page()):
        sys.stdout.write(f"{line}\n")
    return 0


def _wanted(options: argparse.Namespace) -> Wanted:
    units = options.units if options.units is not None else max(1, options.requests // 5)
    for flag, value in (("requests", options.requests), ("units", units)):
        if not 1 <= value <= _MOST_REQUESTS:
            raise UsageError(f"--{flag}={value}: write a number from 1 to {_MOST_REQUESTS:,}")
    if not 0 <= options.rated <= 1:
        raise UsageError(f"--rated={options.rated:g}: write a share from 0 to 1")
    return Wanted(
        requests=options.requests,
        units=units,
        per_second=_per_second(options.traffic),
        base=dict(_pair("base", text, 1.0) for text in options.base),
        harm=dict(_pair("harm", text, 1000.0) for text in options.harm),
        rated=options.rated,
        sticky=options.sticky,
        seed=options.seed,
    )


def _per_second(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/([smhd])", text)
    if found is None or not float(found[1]):
        raise UsageError(f"--traffic={one_line(text)}: write requests per time, such as 5/s or 20000/d")
    return float(found[1]) / _SECONDS[found[2]]


def _pair(flag: str, text: str, most: float) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        example = "error=3" if flag == "harm" else "error=0.01"
        raise UsageError(f"--{flag}={one_line(text)}: write METRIC=NUMBER, 0 to {most:g}, such as {example}")
    return name, value


@contextmanager
def _quiet_router() -> Iterator[None]:
    """Keep the router from logging what only seems to happen."""
    log = logging.getLogger("pytest_llmupgrade.rollout")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before

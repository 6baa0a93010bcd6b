"""A simulated rollout's story as lines of text, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.simulating.traffic import EACH_ITS_OWN
from pytest_llmupgrade.rollout.status_json import check_plain
from pytest_llmupgrade.rollout.status_lines import check_lines, state_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.rollout.config import Rollout
    from pytest_llmupgrade.rollout.page import Page
    from pytest_llmupgrade.rollout.simulating.running import Chapter, Hit, Story
    from pytest_llmupgrade.rollout.simulating.traffic import Wanted


def story_lines(story: Story, page: Page) -> Iterator[str]:
    """Yield what was simulated, each step, how it ended, and whom it hit."""
    yield from page.wrapped(f"{story.rollout.id}: simulated, seed {story.wanted.seed}: {_traffic(story)}", 0)
    for name in story.left_out:
        yield f"{name}: left out, answers are simulated whole"
    yield ""
    for chapter in story.chapters:
        yield from _chapter(chapter, page)
    yield ""
    yield from page.wrapped(_end(story), 0)
    for name, hit in story.hits.items():
        yield f"  {name}: {_hit(hit, story)}"


def _traffic(story: Story) -> str:
    wanted = story.wanted
    said = [
        f"up to {wanted.requests:,} requests of {_units(wanted)}, {_pace(wanted)}",
        *(f"{name} {wording.share(share)}{_worse(wanted, name)}" for name, share in story.shares.items()),
        *(f"{name}{_worse(wanted, name)}" for name in wanted.harm if name not in story.shares),
    ]
    if wanted.sticky:
        said.append("who fails once fails always")
    return ", ".join(said)


def _worse(wanted: Wanted, name: str) -> str:
    return f" x {wanted.harm[name]:g}" if name in wanted.harm else ""


def _units(wanted: Wanted) -> str:
    return "as many units" if wanted.units == EACH_ITS_OWN else wording.plural(wanted.units, "unit")


def _pace(wanted: Wanted) -> str:
    """Return the traffic in a unit of time in which it is more than one request."""
    for size, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if wanted.per_second * size >= 1:
            return f"{wording.rounded(wanted.per_second * size)} per {unit}"
    return f"{wanted.per_second * 86_400:.2g} per day"


def _chapter(chapter: Chapter, page: Page) -> Iterator[str]:
    new = chapter.arms.new
    name = page.coloured(state_name(chapter.state), chapter.state.name)
    took = wording.rough_duration((chapter.ended_s - chapter.began_s) * 1000)
    yield (
        f"{chapter.percent:g} %: {name} after {took}, {chapter.arms.requests:,} requests, "
        f"{new.requests:,} of them by the new arm"
    )
    for check in chapter.reading.checks:
        if check.finding != "pass" or check.ratio is not None:
            yield from check_lines(check, page)


def _end(story: Story) -> str:
    last = story.chapters[-1]
    after = wording.rough_duration(last.ended_s * 1000)
    whole = (
        f"{story.new_requests:,} requests of {wording.plural(story.new_units, 'unit')} by the new arm in all"
    )
    if story.end.name == "rolled_back":
        return f"Caught after {last.arms.new.requests:,} requests of the new arm at {last.percent:g} %, {after} after the start; {whole}."
    if story.end.name == "complete":
        return f"Complete {after} after the start; {whole}; {story.end.why}."
    need = last.reading.need
    more = "" if need is None else f" It needs {need.words}."
    return f"The traffic ended {after} after the start; {whole}.{more}"


def _hit(hit: Hit, story: Story) -> str:
    served = wording.plural(story.new_units, "unit")
    return f"{hit.units:,} of {served} were hit; {hit.anyway:,} of them would have been by the old arm, too"


# --- for machines ----------------------------------------------------------------------------------


def story_plain(story: Story) -> dict[str, Any]:
    """Return the story as plain values for JSON."""
    wanted = story.wanted
    return {
        "schema": "llmupgrade-rollout-simulation/1",
        "rollout": story.rollout.id,
        "seed": wanted.seed,
        "traffic": {
            "requests": wanted.requests,
            "units": None if wanted.units == EACH_ITS_OWN else wanted.units,
            "per_second": wanted.per_second,
            "base": dict(story.shares),
            "harm": dict(wanted.harm),
            "rated": wanted.rated,
            "sticky": wanted.sticky,
        },
        "left_out": list(story.left_out),
        "state": story.end.name,
        "why": story.end.why,
        "requests": story.served,
        "new_arm": {"requests": story.new_requests, "units": story.new_units},
        "hit": {name: {"units": hit.units, "anyway": hit.anyway} for name, hit in story.hits.items()},
        "steps": [_chapter_plain(story.rollout, chapter) for chapter in story.chapters],
    }


def _chapter_plain(rollout: Rollout, chapter: Chapter) -> dict[str, Any]:
    return {
        "percent": chapter.percent,
        "state": chapter.state.name,
        "began_s": round(chapter.began_s, 3),
        "ended_s": round(chapter.ended_s, 3),
        "requests": chapter.arms.requests,
        "new_arm": {"requests": chapter.arms.new.requests, "units": chapter.arms.new.units},
        "checks": [check_plain(rollout, check) for check in chapter.reading.checks],
    }

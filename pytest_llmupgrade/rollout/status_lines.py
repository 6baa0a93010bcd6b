"""A rollout's state as lines of text: the state with its reason, both arms side by side, each check."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.rollout.event_checks import EXCLUDED, bounds_words, harm_evidence
from pytest_llmupgrade.rollout.states import next_percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_llmupgrade.rollout.findings import Check
    from pytest_llmupgrade.rollout.observing import Look
    from pytest_llmupgrade.rollout.page import Page
    from pytest_llmupgrade.rollout.rollups import Counts
    from pytest_llmupgrade.rollout.states import State

_BIG = 1000


def status_lines(seen: Look, page: Page) -> Iterator[str]:
    """Yield all that there is to say about a look at a rollout."""
    yield from _head(seen, page)
    yield ""
    yield from _table(seen, page)
    yield ""
    if seen.rollout.mode == "shadow":
        for pair in seen.pairs:
            yield from (f"  {line}" for line in page.wrapped(f"{pair.name}: {pair.words}", 2))
    else:
        for check in seen.reading.checks:
            yield from check_lines(check, page)
    yield from _troubles(seen)


def state_name(state: State) -> str:
    """Return a state's name for people."""
    return state.name.replace("_", " ").upper()


def _head(seen: Look, page: Page) -> Iterator[str]:
    rollout, state = seen.rollout, seen.state
    following = next_percent(rollout, rollout.percent)
    more = "" if following is None or not rollout.percent else f", next step {following:g} %"
    words = f"{rollout.id}: {state_name(state)} at {rollout.percent:g} %"
    yield page.coloured(words, state.name) + more
    repeated = state.name in ("pilot", "hold") and any(
        check.words in state.why for check in seen.reading.checks
    )
    if not repeated:  # the checks below say the same
        yield from (f"  {line}" for line in page.wrapped(state.why, 2))
    if seen.pending:
        words = "  NOT IN FORCE: the new arm is still served; run llmupgrade rollout watch"
        yield page.coloured(words, "harm")
    need = seen.reading.need
    if need is not None:
        at = "" if seen.until is None else f", until about {seen.until[:16].replace('T', ' ')} UTC"
        yield f"  needs about {wording.rounded(need.requests)} more requests{at}"


# --- the table -------------------------------------------------------------------------------------


def _table(seen: Look, page: Page) -> Iterator[str]:
    rollout = seen.rollout
    old, new = seen.counts("old"), seen.counts("new")
    yield page.row(("", "old", "new", "new / old, 90 %", "E harm", "E excl."))
    yield page.row(("model", *(wording.one_line(rollout.arms[arm].model) for arm in ("old", "new"))))
    for name, figure in _FIGURES:
        yield page.row((name, figure(old), figure(new)))
    if new.fallbacks or new.unanswered:
        yield page.row(("fallbacks", f"{old.fallbacks:,}", f"{new.fallbacks:,}"))
        yield page.row(("unanswered", f"{old.unanswered:,}", f"{new.unanswered:,}"))
    figures = [check for check in seen.reading.checks if check.ratio or check.means]
    yield from (page.row(_figures(check)) for check in figures)
    if any(check.ratio for check in figures):
        needed = (f"{harm_evidence(len(rollout.metrics)):,.0f}", f"{EXCLUDED:g}")
        yield page.row(("", "", "", "stops / passes at", *needed))


def _latency(share: float) -> Callable[[Counts], str]:
    def cell(counts: Counts) -> str:
        value = counts.quantile_ms(share)
        return "-" if value is None else wording.duration(value)

    return cell


_FIGURES: tuple[tuple[str, Callable[[Counts], str]], ...] = (
    ("requests", lambda counts: f"{counts.requests:,}"),
    ("units", lambda counts: f"{len(counts.units):,}"),
    ("p50", _latency(0.5)),
    ("p95", _latency(0.95)),
)


def _figures(check: Check) -> tuple[str, ...]:
    if check.means is not None:
        new, old = check.means
        return check.name, f"{old:.3g}", f"{new:.3g}", wording.ratio(new / old) if old else "-"
    return (
        check.name,
        _failed(check.old),
        _failed(check.new),
        _ratio(check),
        _evidence(check.log_e_harm),
        _evidence(check.log_e_excluded),
    )


def _failed(found: tuple[int, int] | None) -> str:
    if found is None or not found[1]:
        return "-"
    return f"{found[0]:,} ({wording.share(found[0] / found[1])})"


def _ratio(check: Check) -> str:
    bounds, failed = check.ratio, (check.new or (0, 0))[0] + (check.old or (0, 0))[0]
    if bounds is None or math.isinf(bounds.estimate) or not failed:
        return "-"
    return f"{wording.ratio(bounds.estimate)} {bounds_words(bounds)}"


def _evidence(log_e: float | None) -> str:
    if log_e is None or not math.isfinite(log_e):
        return "-"
    if log_e >= math.log(_BIG):
        return f">{_BIG:,}"
    return f"{math.exp(log_e):.1f}" if log_e > 0 else f"{math.exp(log_e):.2g}"


# --- below it --------------------------------------------------------------------------------------


def check_lines(check: Check, page: Page) -> Iterator[str]:
    """Yield a check with its finding and its words."""
    first, *others = page.wrapped(f"{check.name}: {check.words}", 12)
    yield f"  {page.coloured(f'{check.finding:<8}', check.finding)}  {first}"
    yield from (f"{'':12}{line}" for line in others)


def _troubles(seen: Look) -> Iterator[str]:
    found = seen.found
    if found.lost:
        yield f"  {found.lost:,} events could not be written (a full disk?)"
    if found.torn:
        yield f"  {wording.plural(found.torn, 'line')} of the records cannot be read: cut by a kill, of a newer version, or no record"

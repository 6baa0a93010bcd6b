"""The terminal's account of candidate against incumbent: what broke, why, and both answers."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.run.causes import OTHER
from pytest_llmupgrade.run.report.spans import SHOWN, Line, Span, Style
from pytest_llmupgrade.run.report.verdict_lines import bill_words
from pytest_llmupgrade.verdict.words import difference_words
from pytest_llmupgrade.wording import cells, inert, inline, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.causes import CauseGroup
    from pytest_llmupgrade.run.summary import Comparison, Flip


def comparison_lines(comparison: Comparison, width: int, verbosity: int) -> Iterator[Line]:
    """Yield the counts, how far apart the two are, why cases broke, and the flips with both answers."""
    room = (width - 30) // 2
    names = [shorten(inline(name), room) for name in (comparison.candidate, comparison.incumbent)]
    yield (
        Span(" against ".join(names), "bold"),
        Span(f", {wording.plural(comparison.paired, 'case')} paired"),
    )
    yield (
        Span(f"  {len(comparison.broke)} broke", "bad" if comparison.broke else ""),
        Span(" · "),
        Span(f"{len(comparison.fixed)} fixed", "good" if comparison.fixed else ""),
        Span(f" · {comparison.both_passed} both passed · {comparison.both_missed} both missed"),
        Span(f" · {comparison.unpaired} unpaired" if comparison.unpaired else "", "warn"),
    )
    yield from _differences(comparison, width)
    if verbosity >= 0:
        yield from cause_lines("why it broke", comparison.causes, width)
        yield from _flips("broke", _unshown(comparison), width, verbosity)
        yield from _flips("fixed", comparison.fixed, width, verbosity)


def _unshown(comparison: Comparison) -> Sequence[Flip]:
    """Return the cases that broke without those that stand as examples of their cause."""
    if not _tells(comparison.causes):
        return comparison.broke
    shown = {example.record.case_id for group in comparison.causes for example in group.examples}
    return [flip for flip in comparison.broke if flip.case_id not in shown]


def _differences(comparison: Comparison, width: int) -> Iterator[Line]:
    """Yield how far the two are apart; accuracy stands with the verdict, unless there is none."""
    if not comparison.paired:
        return
    if comparison.same_model:
        yield (Span(f"  accuracy {difference_words(comparison.decision)}"),)
    ratios = (("cost", comparison.cost_ratio), ("latency", comparison.latency_ratio))
    words = [
        f"{name} {wording.ratio(found.estimate)} [{wording.ratio(found.low)}, {wording.ratio(found.high)}]"
        for name, found in ratios
        if found is not None
    ]
    if words:
        yield (Span(f"  {' · '.join(words)}, 95 % intervals", "dim"),)
    for line in textwrap.wrap(bill_words(comparison.impact), width - 4, subsequent_indent="  "):
        yield (Span(f"  {line}", "dim"),)


def cause_lines(title: str, groups: Sequence[CauseGroup], width: int) -> Iterator[Line]:
    """Yield misses by cause with what usually helps and examples; nothing where no rule knows any."""
    if not _tells(groups):
        return
    yield (Span(f"  {title}", "bold"),)
    for group in groups:
        yield from _cause(group, width)


def _tells(groups: Sequence[CauseGroup]) -> bool:
    return any(group.cause is not OTHER for group in groups)


def _cause(group: CauseGroup, width: int) -> Iterator[Line]:
    head = f"  {group.count:>4}  {group.cause.words}"
    pairs = [example for example in group.examples if example.before is not None]
    names = ", ".join(_name(example.record) for example in group.examples) if not pairs else ""
    more = ", ..." if names and group.count > len(group.examples) else ""
    yield (Span(head, "bad"), Span(f"  {shorten(names + more, max(10, width - len(head) - 2))}", "dim"))
    if group.cause is not OTHER:
        for line in textwrap.wrap(f"try: {group.cause.repair}", width - 8):
            yield (Span(f"        {line}"),)
    for example in pairs:
        yield from _pair("broke", example.before or example.record, example.record, width)


def _flips(label: str, flips: Sequence[Flip], width: int, verbosity: int) -> Iterator[Line]:
    shown = flips if verbosity > 0 else flips[:SHOWN]
    for flip in shown:
        yield from _pair(label, flip.incumbent, flip.candidate, width)
    if len(flips) > len(shown):
        yield (Span(f"  ... {len(flips) - len(shown)} more {label} (-v lists all)", "dim"),)


def _pair(label: str, before: Record, after: Record, width: int) -> Iterator[Line]:
    """Yield one case with both answers, and why the missing one misses."""
    style: Style = "bad" if label == "broke" else "good"
    name = shorten(_name(after), width // 2)
    place = shorten(f"{after.file}:{after.line}", width - cells(name) - 10)
    yield (Span(f"  {label} ", style), Span(name, "bold"), Span(f"  {place}", "dim"))
    was, now = _apart(_said(before), _said(after), width - 9)
    yield (Span("    was: ", "dim"), Span(was))
    yield (Span("    now: ", "dim"), Span(now))
    yield _reason_line(after if label == "broke" else before, width)


def _name(record: Record) -> str:
    return inline(record.case_id.rpartition("::")[2])


def _said(record: Record) -> str:
    calls = " ".join(f"{call.name}({call.arguments})" for call in record.tool_calls)
    return inert(" ".join(printable(f"{record.answer or ''} {calls}").split())) or "(empty)"


def _apart(before: str, after: str, room: int) -> tuple[str, str]:
    """Return two answers cut to a room in cells, from shortly before the first word in which they differ."""
    alike = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    start = before.rfind(" ", 0, max(0, alike - room // 3)) + 1 if alike > room // 2 else 0
    lead = "... " if start else ""
    return shorten(f"{lead}{before[start:]}", room), shorten(f"{lead}{after[start:]}", room)


def _reason_line(record: Record, width: int) -> Line:
    missed = [judgement for judgement in record.judgements if not judgement.passed]
    words = "; ".join(f"{judgement.judge}: {judgement.reason.partition(chr(10))[0]}" for judgement in missed)
    return (Span("    why: ", "dim"), Span(shorten(inert(printable(words)), width - 9), "dim"))

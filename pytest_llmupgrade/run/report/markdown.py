"""The Summary as Markdown for pull requests and job summaries: the verdict first, details folded.

What a model wrote stands in code spans whose fence is longer than any in it, or in `<pre>` with everything escaped, so
that none of it is markup. GitHub takes 65,536 characters; what does not fit is left out from the end, and said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.run.report.markdown_prompts import prompt_block
from pytest_llmupgrade.run.report.markdown_table import group_tables, model_table
from pytest_llmupgrade.run.report.markdown_text import code, escaped, plain
from pytest_llmupgrade.run.report.notes import ended_words, rerun_words
from pytest_llmupgrade.run.report.verdict_lines import bill_words, verdict_lines
from pytest_llmupgrade.verdict.words import difference_words
from pytest_llmupgrade.wording import one_line, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.causes import Example
    from pytest_llmupgrade.run.summary import Comparison, Flip, ModelSummary, Summary

LIMIT = 60_000
"""Characters, below GitHub's 65,536 for a comment."""
_SIGNS = {"safe": "✅", "regression": "❌", "inconclusive": "❔", "breach": "❌"}
_FLIPS = 25
"""Cases of a kind that are shown with both answers."""
_ANSWER = 600
_GLANCE = 80
"""Characters of an answer that stands in a line of its own."""
_ROOM_FOR_CLOSING = 200


def markdown_lines(summary: Summary, *, limit: int = LIMIT) -> Iterator[str]:
    """Yield the report's lines, at most `limit` characters of them together, each without its line end."""
    size = 0
    for block in _blocks(summary):
        added = sum(_length(line) + 1 for line in block)
        if size + added > limit - _ROOM_FOR_CLOSING:
            yield "_The report is cut here: it is longer than GitHub takes. `--llm-report=PATH.html` has all of it._"
            return
        size += added
        yield from block


def _length(text: str) -> int:
    """Return the length in UTF-16 units: whoever counts characters counts no more than these."""
    return len(text.encode("utf-16-le", "replace")) // 2


def _blocks(summary: Summary) -> Iterator[list[str]]:
    """Yield pieces that stand or fall as one, so that nothing is cut inside markup."""
    yield [*_verdicts(summary), ""]
    yield [*model_table(summary.models, summary.incumbent), ""]
    if notes := _notes(summary):
        yield [*notes, ""]
    yield from group_tables(summary.models)
    for comparison in summary.comparisons:
        yield from _comparison(comparison)
    if not summary.comparisons:
        yield [line for model in summary.models for line in _causes(f"Why {plain(model.name)} missed", model)]
    for effects in summary.prompts:
        if len(effects.cells) > 1:
            yield [*prompt_block(effects), ""]


def _verdicts(summary: Summary) -> Iterator[str]:
    lines = list(verdict_lines(summary))
    if not lines:
        names = ", ".join(plain(model.name) for model in summary.models)
        yield f"### LLM evals: {names}"
        return
    for index, (text, kind) in enumerate(lines):
        sign = _SIGNS.get(kind, "")
        if kind in _SIGNS or not index:
            yield f"### {sign} {plain(text)}".replace("###  ", "### ")
        else:
            yield f"- {plain(text)}"


# --- candidate against incumbent -------------------------------------------------------------------


def _comparison(comparison: Comparison) -> Iterator[list[str]]:
    names = f"{plain(comparison.candidate)} against {plain(comparison.incumbent)}"
    counts = (
        f"{len(comparison.broke)} broke · {len(comparison.fixed)} fixed · {comparison.both_passed} both passed · "
        f"{comparison.both_missed} both missed"
    )
    unpaired = f" · {comparison.unpaired} unpaired" if comparison.unpaired else ""
    lines = [
        f"#### {names}",
        "",
        f"{wording.plural(comparison.paired, 'case')} paired: {counts}{unpaired}",
        "",
    ]
    accuracy = difference_words(comparison.decision) if comparison.same_model else ""
    ratios = [
        f"{name} {wording.ratio(found.estimate)} [{wording.ratio(found.low)}, {wording.ratio(found.high)}]"
        for name, found in (("cost", comparison.cost_ratio), ("latency", comparison.latency_ratio))
        if found is not None
    ]
    difference = f"accuracy {accuracy}" if accuracy else ""
    words = " · ".join(filter(None, [difference, *ratios, bill_words(comparison.impact)]))
    yield [*lines, *([plain(words), ""] if words else [])]
    yield list(_causes("Why it broke", comparison))
    yield from _flips("broke", comparison.broke)
    yield from _flips("fixed", comparison.fixed)


def _causes(title: str, side: Comparison | ModelSummary) -> Iterator[str]:
    groups = side.causes
    if not groups:
        return
    yield f"**{title}**"
    yield ""
    for group in groups:
        yield f"- {group.count} x {group.cause.words}: {plain(group.cause.repair)}"
        for example in group.examples:
            yield f"  - {code(_name(example.record))}: {_pair(example)}"
    yield ""


def _pair(example: Example) -> str:
    """Return both answers of an example, each in one line."""
    now = _glance(example.record)
    if example.before is None:
        return f"answered {now}"
    return f"was {_glance(example.before)}, now {now}"


def _flips(label: str, flips: Sequence[Flip]) -> Iterator[list[str]]:
    """Yield each flip as a fold of its own."""
    if not flips:
        return
    yield [f"**{len(flips)} {label}**", ""]
    for flip in flips[:_FLIPS]:
        missed = flip.candidate if label == "broke" else flip.incumbent
        place = one_line(f"{flip.candidate.file}:{flip.candidate.line}")
        yield [
            f"<details><summary><code>{escaped(_name(flip.candidate))}</code> <code>{escaped(place)}</code></summary>",
            "",
            *_quoted("was", _answer(flip.incumbent)),
            *_quoted("now", _answer(flip.candidate)),
            *_quoted("why", shorten(_reasons(missed), _ANSWER)),
            "",
            "</details>",
            "",
        ]
    if len(flips) > _FLIPS:
        yield [f"{len(flips) - _FLIPS} more {label}: `--llm-report=PATH.html` has them all.", ""]


def _quoted(label: str, text: str) -> tuple[str, str]:
    """Return a text in a block of its own: a line that begins with `<pre>` is HTML, in which nothing is markup."""
    return f"{label}:", f"<pre>{escaped(text) or '(empty)'}</pre>"


def _name(record: Record) -> str:
    return one_line(record.case_id).rpartition("::")[2]


def _answer(record: Record) -> str:
    text = "\n".join(printable(line) for line in _said(record).splitlines())
    return text if len(text) <= _ANSWER else f"{text[:_ANSWER]}..."


def _glance(record: Record) -> str:
    """Return an answer as a code span in one line."""
    return code(shorten(" ".join(printable(_said(record)).split()), _GLANCE) or "(empty)")


def _said(record: Record) -> str:
    calls = " ".join(f"{call.name}({call.arguments})" for call in record.tool_calls)
    return f"{record.answer or ''} {calls}".strip()


def _reasons(record: Record) -> str:
    missed = [judgement for judgement in record.judgements if not judgement.passed]
    return printable(
        "; ".join(f"{judgement.judge}: {judgement.reason.partition(chr(10))[0]}" for judgement in missed)
    )


def _notes(summary: Summary) -> list[str]:
    notes = [*ended_words(summary), *rerun_words(summary), *summary.calls.notices]
    notes += [f"{model.name}: {words}" for model in summary.models for words in model.adapted]
    notes += summary.judge_adapted
    notes += [f"{wording.plural(count, 'error')}: {message}" for message, count in summary.errors.items()]
    return [f"- {plain(printable(note))}" for note in notes[:20]]

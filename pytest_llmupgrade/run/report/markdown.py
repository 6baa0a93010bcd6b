"""The Summary as Markdown for pull requests and job summaries: the verdict first, details folded.

What a model wrote stands in code spans whose fence is longer than any in it, or in `<pre>` with everything escaped, so
that none of it is markup. GitHub takes 65,536 characters; what does not fit is left out from the end, and said.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from pytest_llmupgrade import wording
from pytest_llmupgrade.run.report.verdict_lines import bill_words, difference_words, verdict_lines
from pytest_llmupgrade.wording import printable, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.causes import Example
    from pytest_llmupgrade.run.summary import Comparison, Flip, ModelSummary, Summary

LIMIT = 60_000
"""Characters, below GitHub's 65,536 for a comment."""
_SIGNS = {"safe": "✅", "regression": "❌", "inconclusive": "❔", "breach": "❌"}
_ANSWER = 600
_GLANCE = 80
"""Characters of an answer that stands in a line of its own."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+.!|~$@-])")
_ROOM_FOR_CLOSING = 200
_MARKUP = re.compile(r"[\\`*_\[\]!~|$@:#<>.-]")
"""What Markdown or GitHub reads as markup between the tags of an HTML element."""


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
    yield [*_table(summary.models, summary.incumbent), ""]
    for comparison in summary.comparisons:
        yield from _comparison(comparison)
    if not summary.comparisons:
        yield [
            line for model in summary.models for line in _causes(f"Why {_plain(model.name)} missed", model)
        ]
    yield _notes(summary)


def _verdicts(summary: Summary) -> Iterator[str]:
    lines = list(verdict_lines(summary))
    if not lines:
        names = ", ".join(_plain(model.name) for model in summary.models)
        yield f"### LLM evals: {names}"
        return
    for index, (text, kind) in enumerate(lines):
        sign = _SIGNS.get(kind, "")
        if kind in _SIGNS or not index:
            yield f"### {sign} {_plain(text.strip())}".replace("###  ", "### ")
        else:
            yield f"- {_plain(text.strip())}"


# --- the table -------------------------------------------------------------------------------------


def _table(models: Sequence[ModelSummary], incumbent: str | None) -> Iterator[str]:
    roles = [" (incumbent)" if len(models) > 1 and model.name == incumbent else "" for model in models]
    names = [f"{_plain(model.name)}{role}" for model, role in zip(models, roles, strict=True)]
    yield f"| | {' | '.join(names)} |"
    yield f"|---|{'---:|' * len(models)}"
    for label, cell in _METRICS:
        texts = [cell(model) for model in models]
        if any(texts):
            yield f"| {label} | {' | '.join(text or '-' for text in texts)} |"


def _accuracy(model: ModelSummary) -> str:
    interval = model.tally.interval
    if model.tally.accuracy is None or interval is None:
        return "nothing judged"
    return f"**{wording.share(model.tally.accuracy)}** {wording.interval(interval.low, interval.high)}"


def _per_month(model: ModelSummary) -> str:
    if model.monthly_cost_usd is None or model.monthly_requests is None:
        return ""
    return f"{wording.money(model.monthly_cost_usd)} at {model.monthly_requests:,} requests"


def _latency(model: ModelSummary) -> str:
    if model.latency_p50_ms is None or model.latency_p95_ms is None:
        return ""
    return f"{wording.duration(model.latency_p50_ms)} / {wording.duration(model.latency_p95_ms)}"


_METRICS: tuple[tuple[str, Callable[[ModelSummary], str]], ...] = (
    ("accuracy, 95 % interval", _accuracy),
    ("passed / missed", lambda model: f"{model.tally.passed} / {model.tally.missed}"),
    ("errored / skipped", lambda model: f"{model.tally.errored} / {model.tally.skipped}"),
    ("planned", lambda model: str(model.tally.planned)),
    ("tokens in / out", lambda model: f"{model.usage.input_tokens:,} / {model.usage.output_tokens:,}"),
    ("cost", lambda model: wording.money(model.cost_usd) if model.completed else ""),
    (
        "cost per passed case",
        lambda model: (
            wording.money(model.cost_per_passed_usd) if model.cost_per_passed_usd is not None else ""
        ),
    ),
    ("cost per month", _per_month),
    (
        "judging, beside",
        lambda model: wording.money(model.judge_cost_usd) if model.judge_cost_usd is not None else "",
    ),
    ("latency p50 / p95", _latency),
)


# --- candidate against incumbent -------------------------------------------------------------------


def _comparison(comparison: Comparison) -> Iterator[list[str]]:
    names = f"{_plain(comparison.candidate)} against {_plain(comparison.incumbent)}"
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
    difference = difference_words(comparison)
    ratios = [
        f"{name} {wording.ratio(found.estimate)} [{wording.ratio(found.low)}, {wording.ratio(found.high)}]"
        for name, found in (("cost", comparison.cost_ratio), ("latency", comparison.latency_ratio))
        if found is not None
    ]
    words = " · ".join(filter(None, [difference, *ratios, bill_words(comparison.impact)]))
    yield [*lines, *([_plain(words), ""] if words else [])]
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
        yield f"- {group.count} x {group.cause.words}: {_plain(group.cause.repair)}"
        for example in group.examples:
            yield f"  - {_code(_name(example.record))}: {_pair(example)}"
    yield ""


def _pair(example: Example) -> str:
    """Return both answers of an example, each in one line."""
    now = _glance(example.record)
    if example.before is None:
        return f"answered {now}"
    return f"was {_glance(example.before)}, now {now}"


def _flips(label: str, flips: Sequence[Flip]) -> Iterator[list[str]]:
    """Yield each flip as a block of its own, inside one fold."""
    if not flips:
        return
    yield [f"**{len(flips)} {label}**", ""]
    for flip in flips:
        missed = flip.candidate if label == "broke" else flip.incumbent
        place = printable(f"{flip.candidate.file}:{flip.candidate.line}")
        yield [
            f"<details><summary>{_escaped(_name(flip.candidate))} <sub>{_escaped(place)}</sub></summary>",
            "",
            f"was: <pre>{_answer(flip.incumbent)}</pre>",
            f"now: <pre>{_answer(flip.candidate)}</pre>",
            f"why: <pre>{_escaped(shorten(_reasons(missed), _ANSWER))}</pre>",
            "",
            "</details>",
            "",
        ]


def _name(record: Record) -> str:
    return printable(record.case_id).rpartition("::")[2]


def _answer(record: Record) -> str:
    text = "\n".join(printable(line) for line in _said(record).splitlines())
    cut = text if len(text) <= _ANSWER else f"{text[:_ANSWER]}..."
    return _escaped(cut) or "(empty)"


def _glance(record: Record) -> str:
    """Return an answer as a code span in one line."""
    return _code(shorten(" ".join(printable(_said(record)).split()), _GLANCE) or "(empty)")


def _said(record: Record) -> str:
    calls = " ".join(f"{call.name}({call.arguments})" for call in record.tool_calls)
    return f"{record.answer or ''} {calls}".strip()


def _reasons(record: Record) -> str:
    missed = [judgement for judgement in record.judgements if not judgement.passed]
    return printable(
        "; ".join(f"{judgement.judge}: {judgement.reason.partition(chr(10))[0]}" for judgement in missed)
    )


def _notes(summary: Summary) -> list[str]:
    notes = [*summary.calls.notices]
    notes += [f"{model.name}: {words}" for model in summary.models for words in model.adapted]
    notes += [f"{wording.plural(count, 'error')}: {message}" for message, count in summary.errors.items()]
    return [f"- {_plain(printable(note))}" for note in notes[:20]]


# --- hostile text ----------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Return a text that Markdown and HTML show as it stands, on one line."""
    return (
        _SPECIAL.sub(r"\\\1", " ".join(printable(text).split())).replace("\\<", "&lt;").replace("\\>", "&gt;")
    )


def _escaped(text: str) -> str:
    """Return a text for the inside of an HTML block, without the blank lines that would end it."""
    lines = (html.escape(line, quote=False) or "&nbsp;" for line in text.splitlines())
    return "&#10;".join(_MARKUP.sub(lambda found: f"&#{ord(found[0])};", line) for line in lines)


def _code(text: str) -> str:
    """Return a text in a code span; its fence is longer than any run of backticks inside."""
    runs = [len(run) for run in re.findall(r"`+", text)]
    fence = "`" * (max(runs, default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from pytest_llmupgrade.model import Judgement, Outcome, Record, RecordedError, Usage
from pytest_llmupgrade.run.record import Journal
from pytest_llmupgrade.run.report.json_report import head_of
from pytest_llmupgrade.run.report.markdown import markdown_lines
from pytest_llmupgrade.run.report.terminal import terminal_lines
from pytest_llmupgrade.run.summarise import summarise
from pytest_llmupgrade.run.summary import Planned, Summary
from pytest_llmupgrade.wording import cells
from tests import golden
from tests.report import making

MODELS = ("gpt-3.5-turbo", "gpt-4o", "a-model-with-a-very-long-name-2026-11-23")


def record(case: str, model: str, outcome: Outcome, **changes: object) -> Record:
    """Return a record with an answer, a price and a latency unless the outcome has none."""
    done = outcome in ("passed", "missed")
    made = Record(
        case_id=f"evals/eval_support.yaml::{case}",
        nodeid=f"evals/eval_support.yaml::{case}[{model}]",
        file="evals/eval_support.yaml",
        line=12,
        model=model,
        outcome=outcome,
        category="billing" if case < "m" else "orders",
        answer="You have 30 days.\x1b[31m" if outcome == "passed" else "No idea, 世界.",
        usage=Usage(input_tokens=1200, output_tokens=40, cached_input_tokens=200) if done else None,
        cost_usd=Decimal("0.0034") if done else None,
        latency_ms=840.0 if done else None,
        origin="live" if done else None,
        judgements=(
            Judgement(judge="contains", passed=outcome == "passed", reason="'30 days' is not in the answer"),
        )
        if done
        else (),
        error=RecordedError(kind="auth", message="gpt-4o: the key is refused (401)")
        if outcome == "errored"
        else None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def summary_of(records: list[Record], planned: int = 4) -> Summary:
    """Return the summary of records, through the journal as in a run."""
    journal = Journal()
    for each in records:
        journal.append(each)
    rows = {(row.case_id, row.model): row for row in journal.rows.values()}
    models = tuple(dict.fromkeys(each.model for each in records))
    summary = summarise(
        tuple(rows.values()),
        Planned(by_model=dict.fromkeys(models, planned)),
        models=models,
        read=lambda case, model: journal.read(rows[case, model]),
        created="2026-11-23T00:00:00+00:00",
    )
    journal.close()
    return summary


def three_models() -> Summary:
    """Return a summary in which everything happens once."""
    old, new, third = MODELS
    return summary_of(
        [
            record("a", old, "passed"),
            record("b", old, "missed"),
            record("x", old, "missed"),
            record("y", old, "skipped"),
            record("a", new, "missed"),
            record("b", new, "passed"),
            record("x", new, "errored"),
            record("y", new, "passed"),
            record("a", third, "passed", cost_usd=None),
            record("b", third, "passed", adapted=("temperature dropped (only the default is accepted)",)),
        ]
    )


def text(summary: Summary, width: int, verbosity: int = 0) -> str:
    """Return the lines as plain text."""
    lines = terminal_lines(summary, width=width, verbosity=verbosity)
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_the_report_reads_as_it_should(width: int, verbosity: int) -> None:
    """The terminal report looks as the reviewed file says, at 80 and at 200 columns."""
    golden.check(f"terminal/three_models_{width}_{verbosity}.txt", text(three_models(), width, verbosity))


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """No line wraps, whatever an answer holds."""
    shown = text(three_models(), width, 1)
    assert max(cells(line) for line in shown.splitlines()) <= width


def test_hostile_answers_are_printable() -> None:
    """An escape sequence in an answer shows as text."""
    shown = text(three_models(), 200, 1)
    assert "\x1b" not in shown
    assert "\\x1b[31m" in shown


def test_unknown_is_never_zero() -> None:
    """A model with one unpriced answer has no cost, and the report says so."""
    head = head_of(three_models(), {})
    third = head["models"][2]
    assert third["cost_usd"] is None
    assert third["unpriced"] == 1
    assert "unpriced" in text(three_models(), 200)


def test_weighted_accuracies_stand_beside_the_weighted_difference() -> None:
    """Where cases stand for unequal traffic, every report has the accuracies whose difference it tells."""
    heavy: tuple[Outcome, Outcome, float] = ("passed", "missed", 30.0)
    light: tuple[Outcome, Outcome, float] = ("missed", "passed", 1.0)
    records = [
        replace(record(f"c{number}", model, outcome), weight=weight)
        for number, (old, new, weight) in enumerate([heavy] * 3 + [light] * 9)
        for model, outcome in ((MODELS[0], old), (MODELS[1], new))
    ]
    summary = summary_of(records)
    interval = summary.comparisons[0].decision.interval
    first, second = (model.weighted_accuracy for model in summary.models)
    assert interval is not None
    assert first is not None
    assert second is not None
    assert second - first == pytest.approx(interval.estimate)
    assert [
        line.split() for line in text(summary, 80, -1).splitlines() if line.startswith("  by traffic")
    ] == [["by", "traffic", "90.9", "%", "9.1", "%"]]
    assert "| accuracy by traffic | 90.9 % | 9.1 % |" in list(markdown_lines(summary))
    assert head_of(summary, {})["models"][1]["weighted_accuracy"] == second
    assert "by traffic" not in text(three_models(), 80)


def test_a_rerun_counts_once() -> None:
    """The first attempt of an item counts, and the report says that there were more."""
    summary = summary_of([record("a", "m", "missed"), record("a", "m", "passed")], planned=1)
    tally = summary.models[0].tally
    assert (tally.planned, tally.passed, tally.missed, tally.not_run) == (1, 0, 1, 0)
    assert "1 item run again: the first answer that was judged counts" in text(summary, 200)
    assert "1 item run again" in "\n".join(markdown_lines(summary))


def test_what_did_not_run_is_said() -> None:
    """Planned items without a record show as not run."""
    summary = summary_of([record("a", "m", "passed")], planned=3)
    assert summary.models[0].tally.not_run == 2
    assert "3 (2 not run)" in text(summary, 80)


def test_what_did_not_run_is_said_however_quiet() -> None:
    """-q leaves out the rows of a run that is whole, and not what a lost worker or a stopped run left undone."""
    stopped = summary_of([record("a", "m", "passed")], planned=3)
    assert "(2 not run)" in text(stopped, 80, -1)
    assert "planned" not in text(summary_of([record("a", "m", "passed")], planned=1), 80, -1)


def test_pairs_add_up() -> None:
    """Broke, fixed, both and unpaired account for every case of either model."""
    comparison = three_models().comparisons[0]
    assert [flip.case_id[-1] for flip in comparison.broke] == ["a"]
    assert [flip.case_id[-1] for flip in comparison.fixed] == ["b"]
    assert comparison.paired == 2
    assert comparison.unpaired == 2


def test_a_cause_stands_beside_two_pairs_of_answers() -> None:
    """The first two cases of a cause show with both answers beneath it; no case is listed twice."""
    old, new = MODELS[:2]
    refused = "I'm sorry, but I can't help with that."
    names = ("a", "b", "c")
    summary = summary_of(
        [record(name, old, "passed") for name in names]
        + [record(name, new, "missed", answer=refused) for name in names]
    )
    lines = text(summary, 100).splitlines()
    cause = next(at for at, line in enumerate(lines) if "3  the model refused" in line)
    assert [at - cause for at, line in enumerate(lines) if "  broke " in line] == [2, 6, 10]
    assert lines[cause + 3].split()[:4] == ["was:", "You", "have", "30"]
    assert refused in lines[cause + 4]


def test_long_answers_show_where_they_part() -> None:
    """Of two answers that begin alike, the line shows the words in which they differ, whatever the width."""
    old, new = MODELS[:2]
    same = "You can send back whatever you have bought from us at any of our shops in the country. "
    summary = summary_of(
        [
            record("a", old, "passed", answer=f"{same}It takes thirty days."),
            record("a", new, "missed", answer=f"{same}It takes a year."),
        ]
    )
    lines = [line.strip() for line in text(summary, 80).splitlines()]
    was, now = (
        next(line for line in lines if line.startswith("was: ")),
        next(line for line in lines if line.startswith("now: ")),
    )
    assert was.startswith("was: ... ")
    assert was.endswith("It takes thirty days.")
    assert now.endswith("It takes a year.")


def test_the_verdict_is_said_again_below_a_long_report() -> None:
    """Where the verdict has left the screen, the last lines say it once more, with the next step."""
    lines = text(making.summary_of(making.many(300)), 100).splitlines()
    assert lines[0] == lines[-2] == "gpt-4o: REGRESSION"
    assert lines[-1].startswith("  next: mend why 20 cases broke")
    assert text(making.summary_of(making.many(3)), 100).count("gpt-4o: ") == 1


def test_the_bill_fits_the_terminal() -> None:
    """What the tokens and their price do to the bill wraps at 80 columns."""
    lines = text(making.summary_of(making.many(30)).with_traffic(250_000), 80).splitlines()
    bill = next(at for at, line in enumerate(lines) if "breaks even" in line)
    assert max(map(len, lines[bill - 1 : bill + 2])) <= 80
    assert next(line for line in lines if "per month" in line).split() == [
        "per",
        "month",
        "$25.00",
        "$100.00",
    ]


def test_unpriced_says_what_is_missing() -> None:
    """Answers without a price ask for one; answers without token counts say that no price would help."""
    records = [replace(one, cost_usd=None) for one in making.many(4)]
    priced = text(making.summary_of(records), 200)
    assert 'set price = {...} in [tool.llmupgrade.models."gpt-4o"]' in priced
    uncounted = [replace(one, usage=None) for one in records]
    assert "4 answers unpriced; no token counts came with them" in text(making.summary_of(uncounted), 200)

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmupgrade.model import PromptUse, Record, Usage
from pytest_llmupgrade.run.record import row_of
from pytest_llmupgrade.run.report.prompt_lines import effect_lines, grid
from pytest_llmupgrade.run.summarise import summarise
from pytest_llmupgrade.run.summary import Planned
from pytest_llmupgrade.variants import Variant
from pytest_llmupgrade.verdict import Rule
from tests import golden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_llmupgrade.run.prompt_effects import PromptCell, PromptEffects
    from pytest_llmupgrade.run.summary import Summary

OWN = {"old": "verbose", "old#2": "verbose", "new": "concise"}
TOKENS = {"verbose": 400, "concise": 100}
Column = tuple[str, "str | None"]
"""A model, and the version that the flag asked for."""


def record(column: Column, case: int, *, passed: bool, price: bool = True) -> Record:
    """Return what a column did on a case."""
    (model, asked), name = column, f"case-{case}"
    version = asked or OWN[model]
    return Record(
        case_id=f"e.yaml::{name}",
        nodeid=f"e.yaml::{name}[{Variant(model=model, version=asked).name}]",
        file="e.yaml",
        line=1,
        model=model,
        asked_version=asked,
        prompt=PromptUse(name="support", version=version, sha256=f"{version}-text"),
        outcome="passed" if passed else "missed",
        answer="x",
        usage=Usage(input_tokens=TOKENS[version], output_tokens=10),
        cost_usd=Decimal(TOKENS[version]) / 1_000_000 if price else None,
        origin="live",
    )


def summary_of(runs: Mapping[Column, Sequence[bool]], *, price: bool = True) -> Summary:
    """Return the summary of what each column passed, the incumbent's first."""
    records = [
        record(column, case, passed=passed, price=price)
        for column, found in runs.items()
        for case, passed in enumerate(found)
    ]
    rows = [row_of(one, 0) for one in records]
    places = {(row.case_id, row.model): one for row, one in zip(rows, records, strict=True)}
    names = list(dict.fromkeys(row.model for row in rows))
    return summarise(
        rows,
        Planned(by_model={name: len(next(iter(runs.values()))) for name in names}),
        models=names,
        read=lambda case, model: places[case, model],
        created="2026-11-25T10:00:00+00:00",
        rule=Rule(),
    )


def effects_of(runs: Mapping[Column, Sequence[bool]], *, price: bool = True) -> PromptEffects:
    """Return the grid of the one prompt."""
    (effects,) = summary_of(runs, price=price).prompts
    return effects


def cell(effects: PromptEffects, model: str, version: str) -> PromptCell:
    """Return a cell of the grid."""
    return next(one for one in effects.cells if (one.model, one.version) == (model, version))


def runs(count: int, misses: Mapping[Column, set[int]]) -> dict[Column, list[bool]]:
    """Return the columns of an axis of two versions over two models, with the cases that each misses."""
    columns: list[Column] = [("old", None)]
    columns += [(model, version) for model in ("old", "new") for version in ("verbose", "concise")]
    return {column: [case not in misses.get(column, set()) for case in range(count)] for column in columns}


def short(cases: Sequence[str] | None) -> list[int] | None:
    """Return the numbers of cases."""
    return None if cases is None else [int(one.rpartition("-")[2]) for one in cases]


def test_a_prompts_regression_is_told_from_the_models() -> None:
    """What a model passes with another version is the version's doing; what it misses with all is the model's."""
    effects = effects_of(runs(10, {("new", "concise"): {1, 2, 3}, ("new", "verbose"): {3}}))
    concise, verbose = cell(effects, "new", "concise"), cell(effects, "new", "verbose")
    assert short(concise.broke) == [1, 2, 3]
    assert short(concise.owned) == [1, 2]
    assert short(verbose.broke) == [3]
    assert short(verbose.owned) == []
    assert [(one.model, one.version) for one in effects.to_revisit] == [("new", "concise")]


def test_each_cell_is_paired_with_what_the_incumbent_is_told_now() -> None:
    """The incumbent's own cell is compared with nothing, every other one with it, its own other version too."""
    effects = effects_of(runs(10, {("old", "concise"): {0}, ("new", "verbose"): {1}}))
    assert [(one.model, one.version, one.now) for one in effects.cells] == [
        ("old", "verbose", True),
        ("old", "concise", False),
        ("new", "verbose", False),
        ("new", "concise", False),
    ]
    assert cell(effects, "old", "verbose").decision is None
    assert short(cell(effects, "old", "concise").broke) == [0]
    assert short(cell(effects, "new", "verbose").broke) == [1]


def test_without_an_axis_nobody_is_blamed() -> None:
    """Where a model was told one version, its regressions are untold: prompt or model."""
    effects = effects_of({("old", None): [True, True], ("new", None): [True, False]})
    assert cell(effects, "new", "concise").owned is None
    assert short(effects.to_revisit[0].to_revisit) == [1]
    assert any(
        "whether by the prompt or by the model is not known" in text for text, _ in effect_lines(effects)
    )


def test_an_a_a_check_blames_no_prompt() -> None:
    """A model asked once more is no model to find a prompt for."""
    assert len(effects_of({("old", None): [True, True], ("old#2", None): [True, False]}).cells) == 1


def test_what_the_incumbent_says_twice_is_one_column() -> None:
    """The column in which the incumbent is told what it is told now is left out, so nothing is compared with itself."""
    summary = summary_of(runs(4, {}))
    assert [one.name for one in summary.models] == ["old", "old-concise", "new-verbose", "new-concise"]
    assert [one.candidate for one in summary.comparisons] == ["old-concise", "new-verbose", "new-concise"]


def test_a_kept_run_of_the_same_prompt_is_compared() -> None:
    """Where a kept run stands for the incumbent, the same model told the same is no repetition of it."""
    records = [record(("old", None), 0, passed=True), record(("old", "verbose"), 0, passed=False)]
    kept, new = (row_of(one, 0) for one in records)
    rows = [replace(kept, model="old (baseline)"), new]
    summary = summarise(
        rows,
        Planned(by_model={}),
        models=["old (baseline)", "old-verbose"],
        read=lambda _case, model: records["verbose" in model],
        created="",
    )
    assert [(one.candidate, short([flip.case_id for flip in one.broke])) for one in summary.comparisons] == [
        ("old-verbose", [0])
    ]


def test_trying_more_prompts_makes_none_look_safe() -> None:
    """All verdicts of an axis share the error of one; without an axis each candidate keeps its own."""
    axis = summary_of(runs(100, {}))
    assert {one.decision.together for one in axis.comparisons} == {3}
    assert axis.comparisons[0].decision.confidence == pytest.approx(1 - 0.1 / 3)
    plain = summary_of({("old", None): [True] * 100, ("new", None): [True] * 100})
    assert {one.decision.together for one in plain.comparisons} == {1}
    (effects,) = axis.prompts
    assert {one.decision and one.decision.verdict for one in effects.cells if not one.now} == {"safe"}


def test_a_cells_verdict_is_its_columns() -> None:
    """Where every case has the prompt, the grid and the run's verdicts say the same."""
    summary = summary_of(runs(60, {("new", "concise"): set(range(20)), ("new", "verbose"): {1}}))
    (effects,) = summary.prompts
    columns = {one.candidate: one.decision for one in summary.comparisons}
    for one in effects.cells:
        if not one.now:
            assert one.decision == columns[f"{one.model}-{one.version}"]


def test_a_shorter_version_that_is_no_worse_saves() -> None:
    """A shorter version is named where it is safe within the margin, with the tokens and dollars it saves."""
    effects = effects_of(runs(200, {("new", "concise"): set(range(60))}))
    found = {one.model: one for one in effects.simplifications}
    assert (found["old"].longer, found["old"].shorter, found["old"].decision.verdict) == (
        "verbose",
        "concise",
        "safe",
    )
    assert found["old"].saved_tokens == 300
    assert found["old"].saved_per_1000_usd == Decimal("0.3")
    assert found["new"].decision.verdict == "regression"
    few = effects_of(runs(10, {}))
    assert {one.decision.verdict for one in few.simplifications} == {"inconclusive"}
    unpriced = effects_of(runs(10, {}), price=False)
    assert {one.saved_per_1000_usd for one in unpriced.simplifications} == {None}


def test_the_lines_of_a_grid() -> None:
    """The report's words about prompts are as reviewed."""
    untold: dict[Column, set[int]] = {("new", "concise"): {1, 2, 3}, ("new", "verbose"): {3}}
    plain: dict[Column, set[int]] = {
        ("new", "concise"): set(range(60)),
        ("old", "verbose"): {5},
        ("old", None): {5},
    }
    text: list[str] = []
    for count, misses in ((10, untold), (200, plain)):
        effects = effects_of(runs(count, misses))
        text += ["  ".join(row) for row in grid(effects)]
        text += [f"{kind or '-'}: {line}" for line, kind in effect_lines(effects)]
        text.append("")
    golden.check("terminal/prompts.txt", "\n".join(text))


columns = st.lists(st.booleans(), min_size=6, max_size=6)


@settings(max_examples=60)
@given(st.tuples(columns, columns, columns, columns))
def test_owned_regressions_are_regressions_and_no_more(found: tuple[list[bool], ...]) -> None:
    """Whatever passes where: owned is part of broke, and passes with another version on the same model."""
    own, concise, new_verbose, new_concise = found
    effects = effects_of(
        {
            ("old", None): own,
            ("old", "verbose"): own,
            ("old", "concise"): concise,
            ("new", "verbose"): new_verbose,
            ("new", "concise"): new_concise,
        }
    )
    other = {"verbose": new_concise, "concise": new_verbose}
    mine = {"verbose": new_verbose, "concise": new_concise}
    for version in ("verbose", "concise"):
        one = cell(effects, "new", version)
        assert short(one.broke) == [i for i in range(6) if own[i] and not mine[version][i]]
        assert short(one.owned) == [
            i for i in range(6) if own[i] and not mine[version][i] and other[version][i]
        ]

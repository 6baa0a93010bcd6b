"""What promptfoo itself says of 139 assertions and their negations, asked once by scripts/promptfoo_oracle.mjs."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from pytest_llmupgrade.importing.promptfoo.assertions import judge_of
from pytest_llmupgrade.judges.table import BUILT_IN
from pytest_llmupgrade.model import Verdict
from pytest_llmupgrade.run.load.judge_specs import judge_specs
from tests.golden import DATA
from tests.judges.making import answer, case

ORACLE = json.loads((DATA / "importing" / "promptfoo_oracle.json").read_text(encoding="utf-8"))
BROKEN = ("{a: 1}", "{'a': 1}", '{"a": 1,}', "{not json}", "{ not, json }", 'x{"a":1', '{"a": NaN}')
"""What is no JSON until promptfoo repairs it, which `contains_object` does not, and says so."""


def passes(assertion: dict[str, Any]) -> str:
    """Return a digit for each answer, 1 where the judge that stands for the assertion passes it."""
    faults: list[str] = []
    (spec,) = judge_specs(judge_of(assertion), 1, lambda _line, message: faults.append(message))
    assert not faults
    judge = BUILT_IN[spec.name]
    if spec.name == "max_cost":
        judge = partial(judge, cost_usd=Decimal("0.001"))
    verdicts = [judge(answer(text), case(), **spec.options) for text in ORACLE["answers"]]
    return "".join(str(int(isinstance(one, Verdict) and one.passed is not spec.negated)) for one in verdicts)


@pytest.mark.parametrize(("assertion", "theirs"), ORACLE["assertions"], ids=lambda value: str(value)[:70])
def test_promptfoo_agrees(assertion: dict[str, Any], theirs: str) -> None:
    """Every answer passes here exactly where it passes in promptfoo; broken JSON alone is not repaired."""
    assert not set(theirs) - set("01")
    differing = [
        text
        for text, here, there in zip(ORACLE["answers"], passes(assertion), theirs, strict=True)
        if here != there and not (assertion["type"].endswith("contains-json") and text in BROKEN)
    ]
    assert differing == []


def test_the_oracle_says_something() -> None:
    """The answers of promptfoo are of one version, for every assertion and answer, and of both kinds."""
    digits = "".join(theirs for _assertion, theirs in ORACLE["assertions"])
    assert len(digits) == len(ORACLE["assertions"]) * len(ORACLE["answers"])
    assert min(digits.count("0"), digits.count("1")) > 1_000
    assert ORACLE["promptfoo"] == "0.123.1"

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pytest_llmupgrade.stats import Interval
from pytest_llmupgrade.verdict import Change, Decision, Evidence, Rule, decide
from pytest_llmupgrade.verdict.breaches import breaches
from pytest_llmupgrade.verdict.table import GateTable, gate_faults, gate_table
from pytest_llmupgrade.verdict.words import reasons, self_check, unprovable, verdict_words
from tests.verdict.test_rule import changes, evidence

ALIKE = "accuracy 0.0 pp, 90 % interval [-2.6, +2.6]"
EXCLUDED = "a drop of 5 pp is excluded"


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (decide(evidence(0, 0, 100), Rule()), ["SAFE within the margin of 5 pp", f"{ALIKE}: {EXCLUDED}"]),
        (
            decide(evidence(40, 0, 1960), Rule()),
            [
                "SAFE within the margin of 5 pp",
                f"accuracy -2.0 pp, 90 % interval [-2.6, -1.5]: {EXCLUDED}",
                "measurably worse but within your margin",
            ],
        ),
        (
            decide(evidence(30, 0, 70), Rule()),
            [
                "REGRESSION",
                "accuracy -30.0 pp, 90 % interval [-38.0, -23.1]: worse, a drop of 5 pp is not excluded",
            ],
        ),
        (
            decide(evidence(0, 0, 50), Rule(margin=0.025)),
            [
                "INCONCLUSIVE: the margin of 2.5 pp needs about 56 more cases",
                "accuracy 0.0 pp, 90 % interval [-5.1, +5.1]: a drop of 2.5 pp is not excluded",
                "50 cases can never prove 2.5 pp: that takes 106 even if none differs",
            ],
        ),
        (
            decide(evidence(0, 0, 100, unpaired=20), Rule()),
            [
                "INCONCLUSIVE for the margin of 5 pp",
                f"{ALIKE}: {EXCLUDED}",
                "20 of 120 cases without a verdict on both models",
            ],
        ),
        (
            decide(evidence(0, 0, 100), Rule(looks=2)),
            [
                "SAFE within the margin of 5 pp",
                f"accuracy 0.0 pp, 94 % interval [-3.4, +3.4]: {EXCLUDED}",
                "look 1 of 2 planned, each with a 94.0 % interval",
            ],
        ),
    ],
)
def test_verdicts_in_words(decision: Decision, said: list[str]) -> None:
    """Each verdict and its reasons read as they should, and never say 'no significant difference'."""
    assert [verdict_words(decision), *reasons(decision)] == said


def test_weights_in_words() -> None:
    """Where a few cases stand for most of the traffic, the report says how little the others tell."""
    unequal = tuple(Change(difference=0.0, weight=weight) for weight in (100.0, *[1.0] * 100))
    said = list(reasons(decide(Evidence(changes=unequal), Rule())))
    assert said[-1] == "weighted by traffic: 101 cases tell as much as 4 cases of equal weight"


def test_a_category_in_words() -> None:
    """A regressing category is named with its figures; one that lacks its own margin, with that margin."""
    both = Evidence(changes=(*changes(12, 0, 30, "billing"), *changes(0, 0, 60, "orders")))
    said = list(reasons(decide(both, Rule(category_margins={"orders": 0.02}))))
    assert said[1].startswith("category 'billing' regresses: -28.6 pp [")
    assert said[2].startswith("category 'orders' is not safe within its own margin of 2 pp: 0.0 pp [")


def test_up_front_and_against_itself() -> None:
    """Too few cases are said beforehand; a check of a model against itself says what the suite can see."""
    assert unprovable(Rule(), 52) is None
    assert unprovable(Rule(), 0) is None
    assert "that takes 52 even if no case differs" in (unprovable(Rule(), 51) or "")
    assert self_check(0, 3, None).endswith("no drop can be seen with so few cases")


# --- the table and what it forbids -------------------------------------------------------------------


def test_the_table_becomes_a_rule() -> None:
    """Points become shares; a margin of the command line wins."""
    table = gate_table(
        {"margin": 4, "looks": 2, "categories": {"a": {"margin": 2}, "b": {"min_accuracy": 0.5}}}
    )
    rule = table.rule(look=2)
    assert (rule.margin, rule.category_margins, rule.looks, rule.look) == (0.04, {"a": 0.02}, 2, 2)
    assert table.rule(margin_pp=1).margin == 0.01
    assert table.category_accuracies == {"b": 0.5}
    assert GateTable().rule() == Rule()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("margin", 0.05),
        ("margin", 51),
        ("margin", True),
        ("looks", 3),
        ("looks", 1.0),
        ("max_unpaired", 3),
        ("min_accuracy", 90),
        ("max_cost_ratio", 0),
        ("max_p95_ratio", "2"),
        ("fail_on", "red"),
        ("fail_on", ["miss"]),
        ("categories", 1),
        ("categories", {"a": 1}),
        ("categories", {"a": {"margin": 0}}),
        ("unknown", 1),
    ],
)
def test_faulty_tables(key: str, value: object) -> None:
    """Each wrong value is one fault that names its key."""
    faults = list(gate_faults({key: value}))
    assert len(faults) == 1
    assert key in faults[0][1]


@dataclass
class Tally:
    """A tally as thresholds see it."""

    accuracy: float | None
    judged: int = 10


@dataclass
class Model:
    """A model's column as thresholds see it."""

    name: str
    tally: Tally
    by_category: dict[str, Tally] = field(default_factory=dict)
    latency_p95_ms: float | None = 100.0


@dataclass
class Pair:
    """A comparison as thresholds see it."""

    candidate: str
    decision: Decision
    incumbent: str = "old"
    same_model: bool = False
    cost_ratio: Interval | None = None


SAFE, UNSURE = decide(evidence(0, 0, 100), Rule()), decide(Evidence(changes=(Change(difference=0),)), Rule())


def test_breaches() -> None:
    """The verdict counts only where it decides; thresholds hold for candidates, never for the incumbent."""
    old, new = Model("old", Tally(0.1)), Model("new", Tally(0.8), {"a": Tally(None)}, 250.0)
    pair = Pair("new", UNSURE, cost_ratio=Interval(2.0, 1.5, 2.5))
    assert list(breaches(GateTable(), "regression", [old, new], [pair])) == []
    assert list(breaches(GateTable(), "verdict", [old, new], [pair])) == [
        "new: the verdict is INCONCLUSIVE, and only SAFE passes"
    ]
    gate = GateTable(
        min_accuracy=0.9, max_cost_ratio=1.5, max_p95_ratio=2.0, category_accuracies={"a": 0.5, "b": 0.5}
    )
    assert list(breaches(gate, "regression", [old, new], [pair])) == [
        "new: accuracy is 80.0 % of 10 judged cases, below 90.0 %",
        "new: accuracy in 'a' must be at least 50.0 %, and nothing was judged",
        "new: cost is 2.00x the incumbent's, above 1.50x",
        "new: p95 latency is 2.50x the incumbent's, above 2.00x",
    ]


def test_kept_thresholds_and_doubles() -> None:
    """What keeps every threshold breaches none; the incumbent's double is held to none; one model to its accuracy."""
    gate = GateTable(min_accuracy=0.5, max_cost_ratio=1.5, max_p95_ratio=2.0)
    old, new = Model("old", Tally(0.9)), Model("new", Tally(0.5))
    fine = Pair("new", SAFE, cost_ratio=Interval(1.5, 1.0, 2.0))
    assert list(breaches(gate, "verdict", [old, new], [fine])) == []
    double = Pair("old#2", UNSURE, same_model=True)
    assert list(breaches(gate, "verdict", [old, Model("old#2", Tally(0.0))], [double])) == []
    assert len(list(breaches(gate, "miss", [Model("new", Tally(0.4))], []))) == 1

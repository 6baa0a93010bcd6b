"""What fails a run beside its items: the verdict, where it decides, and the thresholds of the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_llmupgrade import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_llmupgrade.stats import Interval
    from pytest_llmupgrade.verdict.decision import Decision
    from pytest_llmupgrade.verdict.table import FailOn, GateTable


class TallyLike(Protocol):
    """What a threshold needs of a tally."""

    @property
    def accuracy(self) -> float | None: ...  # noqa: D102  said by run.summarise
    @property
    def judged(self) -> int: ...  # noqa: D102


class ModelLike(Protocol):
    """What a threshold needs of a model's column."""

    @property
    def name(self) -> str: ...  # noqa: D102  said by run.summarise
    @property
    def tally(self) -> TallyLike: ...  # noqa: D102
    @property
    def by_category(self) -> Mapping[str, TallyLike]: ...  # noqa: D102
    @property
    def latency_p95_ms(self) -> float | None: ...  # noqa: D102


class ComparisonLike(Protocol):
    """What the verdict and the thresholds need of a comparison."""

    @property
    def incumbent(self) -> str: ...  # noqa: D102  said by run.summarise
    @property
    def candidate(self) -> str: ...  # noqa: D102
    @property
    def same_model(self) -> bool: ...  # noqa: D102
    @property
    def decision(self) -> Decision: ...  # noqa: D102
    @property
    def cost_ratio(self) -> Interval | None: ...  # noqa: D102


def breaches(
    gate: GateTable,
    fail_on: FailOn,
    models: Sequence[ModelLike],
    comparisons: Sequence[ComparisonLike],
) -> Iterator[str]:
    """Yield a sentence for each; the incumbent, first of several models, is held to nothing, nor is its own double."""
    rivals = [one for one in comparisons if not one.same_model]
    if fail_on == "verdict":
        for one in rivals:
            if one.decision.verdict != "safe":
                yield f"{one.candidate}: the verdict is {one.decision.verdict.upper()}, and only SAFE passes"
    doubles = {one.candidate for one in comparisons if one.same_model}
    for model in models[1:] or models:
        if model.name not in doubles:
            yield from _accuracy(gate, model)
    for one in rivals:
        yield from _ratios(gate, one, {model.name: model for model in models})


def _accuracy(gate: GateTable, model: ModelLike) -> Iterator[str]:
    if gate.min_accuracy is not None:
        yield from _too_low(model.name, "accuracy", model.tally, gate.min_accuracy)
    for category, least in gate.category_accuracies.items():
        tally = model.by_category.get(category)
        if tally is not None:  # a selection may leave a category out
            yield from _too_low(model.name, f"accuracy in {category!r}", tally, least)


def _too_low(name: str, what: str, tally: TallyLike, least: float) -> Iterator[str]:
    if tally.accuracy is None:
        yield f"{name}: {what} must be at least {wording.share(least)}, and nothing was judged"
    elif tally.accuracy < least:
        yield (
            f"{name}: {what} is {wording.share(tally.accuracy)} of {wording.plural(tally.judged, 'judged case')}, "
            f"below {wording.share(least)}"
        )


def _ratios(gate: GateTable, one: ComparisonLike, models: Mapping[str, ModelLike]) -> Iterator[str]:
    if gate.max_cost_ratio is not None:
        found = one.cost_ratio.estimate if one.cost_ratio else None
        yield from _too_high(one.candidate, "cost", found, gate.max_cost_ratio)
    if gate.max_p95_ratio is not None:
        old, new = models[one.incumbent].latency_p95_ms, models[one.candidate].latency_p95_ms
        found = new / old if old and new is not None else None
        yield from _too_high(one.candidate, "p95 latency", found, gate.max_p95_ratio)


def _too_high(name: str, what: str, found: float | None, most: float) -> Iterator[str]:
    if found is None:
        yield f"{name}: {what} must be at most {wording.ratio(most)} the incumbent's, and it is unknown"
    elif found > most:
        yield f"{name}: {what} is {wording.ratio(found)} the incumbent's, above {wording.ratio(most)}"

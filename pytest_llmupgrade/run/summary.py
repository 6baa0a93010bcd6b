"""The Summary and its parts: what every report renders, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_llmupgrade.run.causes import CauseGroup, grouped
from pytest_llmupgrade.run.cost_impact import CostImpact
from pytest_llmupgrade.stats import Interval, Pairs, tango, wilson
from pytest_llmupgrade.variants import once_more
from pytest_llmupgrade.verdict import WORST_FIRST, Decision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.model import Record, Usage
    from pytest_llmupgrade.run.prompt_effects import PromptEffects
    from pytest_llmupgrade.verdict import VerdictWord


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many items ended how."""

    planned: int = 0
    """Selected items; the denominator that a crashed worker cannot shrink."""
    passed: int = 0
    missed: int = 0
    errored: int = 0
    skipped: int = 0

    @property
    def judged(self) -> int:
        """Items with a verdict: what accuracy divides by."""
        return self.passed + self.missed

    @property
    def not_run(self) -> int:
        """Planned items that never ran, because the run was stopped."""
        return max(0, self.planned - self.judged - self.errored - self.skipped)

    @property
    def accuracy(self) -> float | None:
        """Share of the judged items that passed, 0 to 1; None where none was judged."""
        return self.passed / self.judged if self.judged else None

    @property
    def interval(self) -> Interval | None:
        """Wilson 95 % interval of the accuracy; None where none was judged."""
        return wilson(self.passed, self.judged) if self.judged else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaky:
    """A case that one model passes neither always nor never."""

    case_id: str
    passes: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One column: a model, told one version of its prompts."""

    name: str
    tally: Tally
    completed: int
    """Answers of the items that have one, judged or not; repeats count each."""
    usage: Usage
    """Sums over the completed items."""
    cost_usd: Decimal | None
    """None: at least one answer is unpriced (or there is none at all)."""
    unpriced: int
    """Answers whose cost is unknown."""
    judge_cost_usd: Decimal | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    by_category: Mapping[str, Tally]
    by_difficulty: Mapping[str, Tally]
    adapted: tuple[str, ...]
    flaky: tuple[Flaky, ...]
    """Cases that passed sometimes, the least stable first."""
    origins: Mapping[str, int]
    """Answers by where they came from: live, stored, replayed."""
    weighted_accuracy: float | None = None
    """Share of the judged items' traffic that passed, 0 to 1; None: all stand for as much, or none was judged."""
    mean_cost_usd: Decimal | None = None
    """USD per request, each case counted by the requests that it stands for; None: one is unpriced."""
    monthly_requests: int | None = None
    """The declared traffic; None: not declared."""
    model: str = ""
    """As the settings and `--llm-models` name it."""
    version: str | None = None
    """Of `--llm-prompts`; None: what the model uses."""
    causes: tuple[CauseGroup, ...] = ()
    """Why its items missed, the most frequent first."""
    judge_passed: int = 0
    """Answers that the model behind `llm_judge` passed, whatever other judges said."""
    judge_asked: int = 0
    """Answers that it judged; repeats are left out."""

    @property
    def monthly_cost_usd(self) -> Decimal | None:
        """What the declared traffic costs in a month; None where none is declared, or an answer is unpriced."""
        if self.mean_cost_usd is None or self.monthly_requests is None:
            return None
        return self.mean_cost_usd * self.monthly_requests

    @property
    def cost_per_passed_usd(self) -> Decimal | None:
        """What one right answer costs: all calls' cost over the passed items."""
        if self.cost_usd is None or not self.tally.passed:
            return None
        return self.cost_usd / self.tally.passed

    @property
    def cost_per_1000_usd(self) -> Decimal | None:
        """What a thousand requests cost, each case counted by those that it stands for."""
        return None if self.mean_cost_usd is None else self.mean_cost_usd * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A case on which two models disagree, with both records."""

    case_id: str
    incumbent: Record
    candidate: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against incumbent, paired by case."""

    incumbent: str
    candidate: str
    broke: tuple[Flip, ...]
    """The incumbent passed, the candidate missed."""
    fixed: tuple[Flip, ...]
    """The reverse."""
    both_passed: int
    both_missed: int
    unpaired: int
    """Cases that are not judged on both: errored, skipped or not run on either."""
    must_pass_missed: int = 0
    """Cases of `criticality: must_pass` that the candidate missed."""
    impact: CostImpact = field(default_factory=CostImpact)
    """Candidate's bill over the incumbent's, on the cases that both answered."""
    latency_ratio: Interval | None = None
    """The typical ratio of latencies, 95 %, on the cases that both answered."""
    decision: Decision
    """The verdict on the candidate."""
    visible_drop: float | None = None
    """In a check of a model against itself: the smallest drop, a share, that so many cases would show."""

    @property
    def cost_ratio(self) -> Interval | None:
        """Candidate's mean cost over the incumbent's, 95 %; None: unpriced, free of charge or few."""
        return self.impact.cost

    @property
    def difference(self) -> Interval | None:
        """Candidate's accuracy minus the incumbent's on the paired cases, Tango's 90 % interval, -1 to 1."""
        if not self.paired:
            return None
        return tango(Pairs(broke=len(self.broke), fixed=len(self.fixed), n=self.paired))

    @property
    def causes(self) -> tuple[CauseGroup, ...]:
        """Why cases broke, the most frequent first."""
        return grouped((flip.candidate, flip.incumbent) for flip in self.broke)

    @property
    def same_model(self) -> bool:
        """Whether this is an A/A check: the same model twice, as `m` and `m#2`."""
        return once_more(self.candidate, self.incumbent)

    @property
    def flip_rate(self) -> float | None:
        """Share of the paired cases on which the two disagree, 0 to 1."""
        return (len(self.broke) + len(self.fixed)) / self.paired if self.paired else None

    @property
    def paired(self) -> int:
        """Cases judged on both models."""
        return len(self.broke) + len(self.fixed) + self.both_passed + self.both_missed


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCounts:
    """What the run's calls came to, judging included."""

    live: int = 0
    """Answers that a provider gave in this run."""
    stored: int = 0
    """Answers that the store had from before."""
    retried: int = 0
    """Tries beyond each call's first."""
    spent_usd: Decimal = Decimal(0)
    """Paid in this run, without the unpriced."""
    budget_usd: Decimal | None = None
    notices: tuple[str, ...] = ()
    """What a user should hear once: a server that asked to wait, a full disk."""

    def __add__(self, other: CallCounts) -> CallCounts:
        """Return the calls of two processes together, under the budget of the first."""
        return CallCounts(
            live=self.live + other.live,
            stored=self.stored + other.stored,
            retried=self.retried + other.retried,
            spent_usd=self.spent_usd + other.spent_usd,
            budget_usd=self.budget_usd,
            notices=tuple(dict.fromkeys((*self.notices, *other.notices))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All that a run has to say."""

    created: str
    """ISO 8601, UTC."""
    incumbent: str | None
    models: tuple[ModelSummary, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    judge_models: tuple[str, ...] = ()
    judge_adapted: tuple[str, ...] = ()
    """What was changed in the judges' requests so that their models take them: model and words."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """Error messages with how many items ended so, most frequent first."""
    rerun: int = 0
    """Items that were run more than once; of each, the first attempt that was judged counts."""
    exit_reason: str = "finished"
    calls: CallCounts = field(default_factory=CallCounts)
    suite_hash: str | None = None
    """SHA-256 over the cases that were recorded, what they ask and want; None where there is none."""
    prompts: tuple[PromptEffects, ...] = ()
    """The grid of each prompt that a case names."""
    breaches: tuple[str, ...] = ()
    """What fails the run beside its items, one sentence each: a verdict, a threshold."""

    def with_traffic(self, monthly_requests: int | None) -> Summary:
        """Return the summary with what so many requests cost in a month."""
        models = (replace(model, monthly_requests=monthly_requests) for model in self.models)
        return replace(self, models=tuple(models))

    @property
    def verdict(self) -> VerdictWord | None:
        """The worst verdict on any candidate; None where there is none."""
        found = {one.decision.verdict for one in self.comparisons if not one.same_model}
        return next((word for word in WORST_FIRST if word in found), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What was selected to run, before any of it ran."""

    by_model: Mapping[str, int]
    """Items by model."""

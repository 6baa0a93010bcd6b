"""What the gate finds: one check for each thing that must hold before the new arm gets more traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.sides import Need
    from pytest_llmupgrade.stats import Interval

Finding: TypeAlias = Literal["pass", "lacking", "wrong", "harm"]
"""`lacking`: more requests may decide; `wrong`: the records are no evidence, or a signal is over its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check with its numbers."""

    name: str
    """A metric's name, or `records`, `duration`, `traffic`."""
    finding: Finding
    words: str
    """One sentence with the numbers, and what is needed where it does not pass."""
    new: tuple[int, int] | None = None
    """Units of the new arm that failed, of how many."""
    old: tuple[int, int] | None = None
    means: tuple[float, float] | None = None
    """Of a mean: the new arm's, the old arm's."""
    ratio: Interval | None = None
    """New over old, with bounds that hold at every look (90 %: below the largest ratio where that is excluded)."""
    log_e_harm: float | None = None
    """Log evidence of harm."""
    log_e_excluded: float | None = None
    """Log evidence that the step's largest ratio is excluded."""
    need: Need | None = None
    """How much more would decide, if the new arm is as good as the old one; None: decided, or nobody can say."""

    @property
    def more_requests(self) -> int | None:
        """About how many more requests of both arms would decide."""
        return None if self.need is None else self.need.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the gate has to say about one step."""

    step: float
    """Its percentage."""
    checks: tuple[Check, ...]

    @property
    def finding(self) -> Finding:
        """The worst of the checks."""
        found = {check.finding for check in self.checks}
        return next((word for word in _WORST_FIRST if word in found), "pass")

    @property
    def need(self) -> Need | None:
        """How much more would decide all that lacks; None: nothing lacks, or nobody can say."""
        needs = [check.need for check in self.of("lacking")]
        known = [need for need in needs if need is not None]
        if self.finding != "lacking" or len(known) < len(needs):
            return None
        return max(known, key=lambda need: need.requests)

    def of(self, finding: Finding) -> tuple[Check, ...]:
        """Return the checks that found this."""
        return tuple(check for check in self.checks if check.finding == finding)


_WORST_FIRST: tuple[Finding, ...] = ("harm", "wrong", "lacking", "pass")

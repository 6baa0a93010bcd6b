"""Two sets of rows, paired by case: what changed from the one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_llmupgrade.model import JUDGED
from pytest_llmupgrade.verdict import Change, Lost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_llmupgrade.model import Outcome


class Judged(Protocol):
    """What pairing needs of a row."""

    @property
    def outcome(self) -> Outcome: ...  # noqa: D102  said by model.Record
    @property
    def category(self) -> str: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102
    @property
    def times(self) -> int: ...  # noqa: D102
    @property
    def passes(self) -> int: ...  # noqa: D102


def changes(old: Mapping[str, Judged], new: Mapping[str, Judged]) -> Iterator[Change]:
    """Yield how each case that is judged on both sides changed; of repeats, the shares that passed."""
    for case, before in old.items():
        after = new.get(case)
        if after is not None and {before.outcome, after.outcome} <= JUDGED:
            yield Change(
                difference=_share(after) - _share(before),
                category=after.category,
                weight=after.weight,
                repeated=max(before.times, after.times) > 1,
            )


def lost(old: Mapping[str, Judged], new: Mapping[str, Judged]) -> Iterator[Lost]:
    """Yield each case that ran on either side and is not judged on both."""
    for case in {**old, **new}:
        rows = [row for row in (new.get(case), old.get(case)) if row is not None]
        if len(rows) < 2 or not {row.outcome for row in rows} <= JUDGED:  # noqa: PLR2004  a pair
            yield Lost(category=rows[0].category, weight=rows[0].weight)


def _share(row: Judged) -> float:
    """Return which share of a case's completions passed, 0 to 1."""
    return row.passes / row.times if row.times > 1 else float(row.outcome == "passed")

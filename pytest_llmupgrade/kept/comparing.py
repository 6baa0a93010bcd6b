"""Two kept runs beside each other: the old one's incumbent against the new one's models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.kept.joining import Column, Joined, call_counts, exit_reason, fingerprints, join
from pytest_llmupgrade.kept.refusals import check_comparable
from pytest_llmupgrade.wording import nearest, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_llmupgrade.kept.reading import KeptRun
    from pytest_llmupgrade.verdict import Rule


def compare_runs(  # noqa: PLR0913  all of it is what a comparison is
    old: KeptRun,
    new: KeptRun,
    *,
    incumbent: str | None = None,
    candidates: Sequence[str] = (),
    common: bool = False,
    rule: Rule | None = None,
) -> Joined:
    """Return old against new with one Summary; Incomparable or UsageError where they are not alike.

    The incumbent is the old run's first model; the candidates are the new run's models, the incumbent's own name left
    out where there are others.
    """
    before = _model_of(old, incumbent or old.head.models[0])
    after = [_model_of(new, name) for name in candidates or _candidates(new, before)]
    check_comparable(old, new, common=common)
    cases = fingerprints(old).keys() & fingerprints(new).keys() if common else None
    columns = [
        Column(
            run=old,
            model=before,
            shown=f"{before} (old)" if before in after else before,
            cases=cases,
            not_run=_not_run(old, before, new),
        ),
        *(
            Column(run=new, model=name, shown=name, cases=cases, not_run=_not_run(new, name, old))
            for name in after
        ),
    ]
    return join(
        columns,
        created=new.head.created,
        exit_reason=exit_reason([old, new]),
        calls=call_counts([new]),
        rule=rule,
    )


def _not_run(run: KeptRun, model: str, other: KeptRun) -> int:
    """Return how many of the other run's cases this one may have planned and not done."""
    done = sum(row.model == model for row in run.rows.values())
    alone = fingerprints(other).keys() - fingerprints(run).keys()
    return min(max(0, run.planned.get(model, 0) - done), len(alone))


def _candidates(new: KeptRun, incumbent: str) -> Sequence[str]:
    others = [name for name in new.head.models if name != incumbent]
    return others or new.head.models


def _model_of(run: KeptRun, name: str) -> str:
    if name in run.head.models:
        return name
    hint = nearest(name, run.head.models) or f"It has: {', '.join(map(printable, run.head.models))}"
    raise UsageError(f"{run.shown}: no model {name!r} in it. {hint}")

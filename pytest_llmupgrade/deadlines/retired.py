"""Which models of a run nobody serves any more."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_llmupgrade.model import ModelSpec


def gone_models(specs: Iterable[ModelSpec]) -> frozenset[str]:
    """Return the names of the models that nobody serves any more: so declared, or past their dated shutdown."""
    today = dt.datetime.now(dt.UTC).date()
    return frozenset(spec.name for spec in specs if spec.replay or _shut_down(spec, today))


def _shut_down(spec: ModelSpec, today: dt.date) -> bool:
    from pytest_llmupgrade.deadlines import provider_at, shipped
    from pytest_llmupgrade.deadlines.models import match_of

    if spec.retires is None and spec.base_url is not None and provider_at(spec.base_url) is None:
        return False  # a gateway or a server of one's own keeps models that their makers shut down
    match = match_of(spec, shipped(), today=today)
    deadline = match.deadline if match is not None else None
    return bool(deadline and deadline.shutdown and not deadline.earliest and deadline.shutdown <= today)

"""The models of a run or a project, each with what is known of its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines.match import Match, find
from pytest_llmupgrade.deadlines.names import provider_at
from pytest_llmupgrade.deadlines.notices import Notice
from pytest_llmupgrade.deadlines.table import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pytest_llmupgrade.deadlines.match import Table
    from pytest_llmupgrade.model import ModelSpec


def notices(models: Iterable[tuple[str, ModelSpec]], table: Table, *, today: date) -> tuple[Notice, ...]:
    """Return a notice for each model whose end is announced, soonest first; its roles are told together."""
    roles: dict[ModelSpecKey, list[str]] = {}
    specs: dict[ModelSpecKey, ModelSpec] = {}
    for role, spec in models:
        key = spec.wire_name, spec.base_url
        specs.setdefault(key, spec)
        if role and role not in roles.setdefault(key, []):
            roles[key].append(role)
    found = ((key, match_of(spec, table, today=today)) for key, spec in specs.items())
    made = [
        Notice(roles=tuple(roles.get(key, ())), match=match, today=today)
        for key, match in found
        if match is not None
    ]
    return tuple(sorted(made, key=soonest))


ModelSpecKey = tuple[str, str | None]


def match_of(spec: ModelSpec, table: Table, *, today: date) -> Match | None:
    """Return what is known of a model's end; a date that the user declared wins."""
    if spec.retires is not None:
        return Match(name=spec.wire_name, deadline=_declared(spec, today))
    if spec.name.startswith("local/"):
        return None
    return find(spec.wire_name, table, provider=provider_at(spec.base_url))


def soonest(notice: Notice) -> tuple[bool, int, str]:
    """Sort notices by their day; those without one come last."""
    return notice.days is None, notice.days or 0, notice.match.name


def _declared(spec: ModelSpec, today: date) -> Deadline:
    return Deadline(
        provider="yours",
        id=spec.wire_name,
        shutdown=spec.retires,
        source="retires in [tool.llmupgrade.models]",
        checked=today,
    )

"""From a model's name, as users write it, to the rows that tell when it ends."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines.names import AZURE_DIFFERS, family, spellings, split_route
from pytest_llmupgrade.deadlines.table import shipped_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_llmupgrade.deadlines.table import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The row that holds for a name, and how sure that is."""

    name: str
    """As the user wrote it."""
    deadline: Deadline
    how: str = ""
    """How the row was found where it does not bear the name itself."""
    others: tuple[Deadline, ...] = ()
    """Rows of other providers that serve a model of this name, with other dates."""


class Table:
    """Rows that are looked up by name; made once, since it indexes them."""

    def __init__(self, rows: Iterable[Deadline]) -> None:
        self.rows = tuple(rows)
        self.index = _index(self.rows)


@cache
def shipped() -> Table:
    """Return the table that ships with the package."""
    return Table(shipped_rows())


def find(name: str, table: Table, *, provider: str | None = None) -> Match | None:
    """Return what is known of a model's end, None where nothing is: not announced, or not a model we know.

    `provider` is whose server is called, where that is known; a route in the name (`vertex_ai/...`) wins over it.
    Where several providers serve the name, the earliest date leads.
    """
    own, route = split_route(name)
    wanted = route or provider
    if wanted == "azure":
        return _on_azure(name, own, table)
    return _find(name, own, wanted, table.index)


def _on_azure(name: str, own: str, table: Table) -> Match | None:
    """Azure serves OpenAI's models by a calendar of its own, which the table does not have."""
    found = _find(name, own, "openai", table.index)
    if found is None or found.deadline.provider == "yours" or AZURE_DIFFERS in found.how:
        return found
    return replace(found, how="; ".join(filter(None, (found.how, AZURE_DIFFERS))))


def _find(name: str, own: str, wanted: str | None, index: Mapping[str, tuple[Deadline, ...]]) -> Match | None:
    for spelling in spellings(own):
        found = _of(wanted, index.get(spelling.name, ()))
        if found:
            return _match(name, found, spelling.how)
    found = _by_family(own, wanted, index)
    return _match(name, found[-1:], f"an alias of {found[-1].id}") if found else None


def _by_family(
    own: str, wanted: str | None, index: Mapping[str, tuple[Deadline, ...]]
) -> tuple[Deadline, ...]:
    """Return the pinned versions of an alias such as claude-sonnet-4-5, of the provider with the latest, in order."""
    found = _of(wanted, index.get(f"{own.removesuffix('-latest')} *", ()))
    ordered = sorted(found, key=lambda row: (row.shutdown or date.max, row.id))
    return tuple(row for row in ordered if row.provider == ordered[-1].provider)


def _of(provider: str | None, rows: Sequence[Deadline]) -> tuple[Deadline, ...]:
    """Return a provider's rows and the user's own; all of them where the provider is not known."""
    return tuple(row for row in rows if provider in (None, row.provider) or row.provider == "yours")


def _match(name: str, found: Sequence[Deadline], how: str) -> Match:
    first, *rest = sorted(found, key=lambda row: (row.provider != "yours", row.shutdown or date.max))
    others = tuple(row for row in rest if row.shutdown != first.shutdown)
    return Match(name=name, deadline=first, how=how, others=others)


def _index(rows: tuple[Deadline, ...]) -> dict[str, tuple[Deadline, ...]]:
    """Return the rows by lower-case name; by `family *`, those that pin a version of it."""
    index: defaultdict[str, list[Deadline]] = defaultdict(list)
    for row in rows:
        for name in _names(row):
            index[name].append(row)
    return {name: tuple(found) for name, found in index.items()}


def _names(row: Deadline) -> Iterable[str]:
    plain = row.id.lower()
    names = {plain, *(alias.lower() for alias in row.aliases)}
    base = family(plain)
    return {*names, f"{base} *"} if base and not plain.startswith(("ft:", "ft-")) else names

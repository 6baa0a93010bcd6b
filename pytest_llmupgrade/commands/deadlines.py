"""`llmupgrade deadlines`: the models of a project, of a code base or of the command line, and when each ends."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_llmupgrade import __version__
from pytest_llmupgrade.commands.live_dates import asked
from pytest_llmupgrade.commands.project import Project, read_project
from pytest_llmupgrade.deadlines import as_of, days_of, shipped
from pytest_llmupgrade.deadlines.calendar import calendar
from pytest_llmupgrade.deadlines.listing import Listing, lines
from pytest_llmupgrade.deadlines.models import notices
from pytest_llmupgrade.deadlines.scan import MAX_BYTES, files_in, scan
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from pytest_llmupgrade.deadlines import Table
    from pytest_llmupgrade.model import ModelSpec

NO_MODELS = (
    "no models: name some (llmupgrade deadlines gpt-4o), give --scan PATH, or declare llm_models in "
    "[tool.pytest.ini_options] or models in [tool.llmupgrade] of pyproject.toml"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    models: tuple[str, ...] = ()
    scan: Path | None = None
    ics: Path | None = None
    format: str = "text"
    live: bool = False
    within: str | None = None
    """Exit code 1 where a model ends within so many days."""


def run(wanted: Wanted, *, root: Path, today: date, say: Callable[[str], None]) -> int:
    """Print the list, write the calendar, and return the exit code."""
    days = None if wanted.within is None else days_of(wanted.within, "--within")
    project = read_project(root)
    roles, told = _models(wanted, project)
    if not roles:
        raise UsageError(NO_MODELS if wanted.scan is None else f"{wanted.scan}: names no model")
    listing = _listing(roles, told, wanted, project, today)
    for line in lines(listing, wanted.format):
        say(line)
    if wanted.ics is not None:
        _write(wanted.ics, calendar(listing.notices, version=__version__))
    return int(days is not None and any(notice.within(days) for notice in listing.notices))


def _models(wanted: Wanted, project: Project) -> tuple[dict[str, list[str]], list[str]]:
    """Return the roles of each model, and what to say besides."""
    roles: defaultdict[str, list[str]] = defaultdict(list)
    told: list[str] = []
    for name in wanted.models:
        roles[name] += ()
    if wanted.scan is not None:
        for name, place in _scanned(wanted.scan, shipped(), told):
            roles[name].append(place)
    if not wanted.models and wanted.scan is None:
        for role, name in project.roles:
            roles[name].append(role)
    return dict(roles), told


def _listing(
    roles: dict[str, list[str]], told: list[str], wanted: Wanted, project: Project, today: date
) -> Listing:
    specs = {name: _spec(project, name) for name in roles}
    table = shipped()
    if wanted.live:
        table, said = asked(specs.values(), table, today=today)
        told = [*told, *said]
    pairs = [(role, specs[name]) for name, places in roles.items() for role in (places or [""])]
    found = notices(pairs, table, today=today)
    known = {notice.match.name for notice in found}
    unknown = tuple(
        (name, tuple(places)) for name, places in roles.items() if specs[name].wire_name not in known
    )
    return Listing(notices=found, unknown=unknown, today=today, as_of=as_of(), told=tuple(told))


def _spec(project: Project, name: str) -> ModelSpec:
    spec = project.settings.spec(name)
    default = os.environ.get("OPENAI_BASE_URL") or None
    return spec if spec.base_url or name.startswith("local/") else replace(spec, base_url=default)


def _scanned(root: Path, table: Table, told: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (model, place); files that are too large or unreadable are counted in `told`."""
    if not (root.is_dir() or root.is_file()):
        raise UsageError(f"--scan {root}: no such file or folder")
    skipped = 0
    for path in files_in(root):
        shown = path.relative_to(root).as_posix() if path != root else path.as_posix()
        try:
            if path.stat().st_size > MAX_BYTES:
                skipped += 1
                continue
            yield from ((found.name, found.place) for found in scan(path, shown, table))
        except OSError:
            skipped += 1
    if skipped:
        told.append(f"--scan: {plural(skipped, 'file')} not read (over {MAX_BYTES:,} bytes, or unreadable)")


def _write(path: Path, text: str) -> None:
    try:
        path.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"--ics {path}: not written: {error.strerror}") from None

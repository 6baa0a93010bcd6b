"""`llmupgrade cases`: eval cases out of production logs, and what was dropped on the way and why."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.commands.cases_snapshot import Recording, recording
from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.logs.building import Tally, built, gathered
from pytest_llmupgrade.logs.drafting import judging
from pytest_llmupgrade.logs.mapping import mapping
from pytest_llmupgrade.logs.opening import STDIN
from pytest_llmupgrade.logs.reading import How
from pytest_llmupgrade.logs.redact import Redactor
from pytest_llmupgrade.logs.updating import Existing, at_source, checked, existing, filled, loadable
from pytest_llmupgrade.logs.writing import added, file_text
from pytest_llmupgrade.wording import one_line, plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_llmupgrade.logs.building import Built
    from pytest_llmupgrade.logs.drafting import Draft
    from pytest_llmupgrade.logs.redact import Span

_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    logs: Sequence[str]
    output: Path
    format: str | None = None
    map: Sequence[str] = ()
    min_rating: float = 0.0
    sample: int | None = None
    by: str = "category,difficulty"
    seed: int = 0
    near: float = 0.92
    judge: Sequence[str] = ()
    json_schema: bool = False
    redact: str | None = None
    """`module:function` of the project's own, after the built-in patterns."""
    pii: str | None = None
    """The language in which Presidio looks for names and the like."""
    no_redact: bool = False
    snapshot_model: str | None = None
    """Whose answers the logs hold: they become its snapshot."""
    update: bool = False
    force: bool = False


@dataclass(slots=True)
class Voice:
    """Where lines, warnings and progress go."""

    say: Callable[[str], None]
    warn: Callable[[str], None]
    progress: Callable[[int, Tally], None] = field(default=lambda _bytes, _tally: None)


def run(wanted: Wanted, voice: Voice) -> int:
    """Write the eval file and print what became of the logs."""
    before = _before(wanted)
    redactor = None if wanted.no_redact else Redactor(_own(wanted.redact), _library(wanted.pii, voice))
    if redactor is None:
        voice.warn("--no-redact: SECRETS AND PERSONAL DATA OF THE LOGS ARE WRITTEN AS THEY STAND")
    tally = Tally()
    how = How(
        format=wanted.format, mapped=mapping(wanted.map), told=lambda count: voice.progress(count, tally)
    )
    judges = judging(wanted.judge, json_schema=wanted.json_schema)
    kept = _recording(wanted)
    pool = gathered(
        wanted.logs,
        how,
        tally,
        sample=wanted.sample,
        by=_by(wanted.by),
        seed=wanted.seed,
        min_rating=wanted.min_rating,
        of=kept.of if kept else None,
    )
    _usable(tally, wanted)
    made = built(
        pool, redactor=redactor, judges=judges, sample=wanted.sample, near=wanted.near, before=before
    )
    if made.drafts:
        made = _written(wanted, made, before, tally, judges.default)
    for line in (*_told(wanted, made, tally, redactor), *(kept.written(made.answers) if kept else ())):
        voice.say(line)
    if made.drafts or kept:
        voice.say(_next(wanted))
    return 0


def _recording(wanted: Wanted) -> Recording | None:
    if wanted.snapshot_model is None:
        return None
    return recording(wanted.snapshot_model, wanted.output, update=wanted.update, force=wanted.force)


def _before(wanted: Wanted) -> Existing | None:
    for log in wanted.logs:
        if log != STDIN and (not Path(log).exists() or Path(log).is_dir()):
            raise UsageError(f"{log}: no such file")
    if wanted.output.suffix not in (".yaml", ".yml"):
        raise UsageError(f"-o {wanted.output}: name an eval file, such as evals/eval_support.yaml")
    if not wanted.output.exists():
        return None
    if wanted.update:
        return existing(wanted.output)
    if not wanted.force:
        raise UsageError(f"{wanted.output}: is there already; --update adds new cases, --force replaces it")
    return None


def _own(named: str | None) -> Callable[[str], str] | None:
    if named is None:
        return None
    module, colon, name = named.partition(":")
    if not colon or not name.isidentifier():
        raise UsageError(f"--redact {named}: write module:function")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        function: Callable[[str], str] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--redact {named}: {one_line(str(error))}") from None
    return lambda text: _asked(function, named, text)


def _library(language: str | None, voice: Voice) -> Callable[[str], Sequence[Span]] | None:
    if language is None:
        return None
    from pytest_llmupgrade.logs.pii import finder

    return finder(language, voice.warn)


def _asked(function: Callable[[str], str], named: str, text: str) -> str:
    """Return what the project's function makes of a text; its exception is named without the text that is in it."""
    try:
        clean = function(text)
    except Exception as error:  # noqa: BLE001  whatever the project's code raises
        raise UsageError(f"--redact {named}: raised {type(error).__name__}; nothing was written") from None
    if not isinstance(clean, str):
        raise UsageError(
            f"--redact {named}: returned {type(clean).__name__}, not a text; nothing was written"
        )
    return clean


def _by(written: str) -> tuple[str, ...]:
    names = tuple(name for name in written.split(",") if name and name != "none")
    for name in names:
        if name not in ("category", "difficulty"):
            raise UsageError(f"--by {name}: write category, difficulty, both with a comma, or none")
    return names


def _usable(tally: Tally, wanted: Wanted) -> None:
    if not tally.records:
        raise UsageError(f"{', '.join(wanted.logs)}: no records")
    if not tally.answered:
        raise (
            FaultyFiles(tally.faults)
            if tally.faults
            else UsageError(
                f"none of {plural(tally.records, 'record')} is an answered request: {_reasons(tally.skipped)}"
            )
        )
    if not tally.kept:
        rated = "no record carries a rating" if not tally.rated else "every answer is rated lower"
        raise UsageError(f"--min-rating {wanted.min_rating:g}: {rated}")


def _written(wanted: Wanted, made: Built, before: Existing | None, tally: Tally, judge: str) -> Built:
    """Write the file and return what is in it: a case that would not load is left out, and told."""
    made = _unfilled(made, before, tally)
    text = _text(wanted, made.drafts, before, judge)
    try:
        checked(wanted.output, text, before)
    except FaultyFiles as error:
        left, faults = loadable(made.drafts, text, error.faults)
        if not left or not faults:
            raise
        tally.unreadable += len(faults)
        tally.faults += faults
        made = replace(made, drafts=left)
        checked(wanted.output, _text(wanted, left, before, judge), before)
    return made


def _unfilled(made: Built, before: Existing | None, tally: Tally) -> Built:
    """Leave out what the file's own `vars` would change, and tell it."""
    changed = filled(made.drafts, before) if before else []
    tally.unreadable += len(changed)
    tally.faults += [at_source(one, "its {{ }} would be filled in by the file's vars") for one in changed]
    return replace(made, drafts=[one for one in made.drafts if one not in changed])


def _text(wanted: Wanted, drafts: Sequence[Draft], before: Existing | None, judge: str) -> str:
    if before is None:
        return file_text(drafts, judge=judge, sources=[Path(log).name for log in wanted.logs])
    return added(before.text, drafts, file=str(wanted.output), root=before.root)


# --- what is said ----------------------------------------------------------------------------------


def _told(wanted: Wanted, made: Built, tally: Tally, redactor: Redactor | None) -> Iterator[str]:
    verb = "added" if wanted.update else "written"
    yield f"{wanted.output}: {plural(len(made.drafts), 'case')} {verb}, for {plural(tally.kept, 'request')}"
    yield f"  read: {plural(tally.records, 'record')} ({_reasons(tally.formats)})"
    dropped = Counter(tally.skipped)
    dropped.update({f"rated below {wanted.min_rating:g}": tally.low})
    dropped.update({"near duplicates": made.near, "already in the file": made.known})
    if made.distinct_exact:
        dropped.update({"duplicates": tally.kept - made.distinct, "not drawn": made.left})
    dropped.update({"unreadable": tally.unreadable})
    yield f"  dropped: {_reasons(+dropped) or 'nothing'}"
    if not made.distinct_exact:
        yield f"  drawn from about {made.distinct:,} different questions in {plural(made.groups, 'group')}"
    if redactor is not None:
        yield f"  redacted: {_reasons(redactor.found) or 'nothing found'}"
    for fault in tally.faults[:_LISTED]:
        yield f"  {printable(str(fault))}"
    if tally.unreadable > _LISTED:
        yield f"  ... and {tally.unreadable - _LISTED:,} more"
    if traffic := monthly(tally):
        first, last = (datetime.fromtimestamp(at, UTC).date() for at in (tally.first, tally.last))
        yield (
            f"  traffic: {tally.answered:,} requests from {first} to {last}; where that is all of it, "
            f"monthly_requests = {traffic:_} in [tool.llmupgrade]"
        )


def monthly(tally: Tally) -> int:
    """Return the requests of a month of 30.4 days at the rate of the logs, two digits of it; 0 where they do not tell."""
    days = (tally.last - tally.first) / 86_400
    if tally.timed < tally.answered or days < 1:
        return 0
    return max(1, int(float(f"{tally.answered / days * 30.4:.1e}")))


def _next(wanted: Wanted) -> str:
    models = f"{wanted.snapshot_model},CANDIDATE" if wanted.snapshot_model else "MODEL"
    return f"run: pytest {wanted.output} --llm-models={models}"


def _reasons(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items(), key=_most))


def _most(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]

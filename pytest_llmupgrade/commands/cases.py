"""`llmupgrade cases`: eval cases out of production logs, and what was dropped on the way and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.commands.cases_redaction import redactor_of
from pytest_llmupgrade.commands.cases_snapshot import Recording, recording
from pytest_llmupgrade.commands.cases_words import next_command, reasons, told
from pytest_llmupgrade.commands.naming import foreign_judge, uncollected
from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.logs.building import Tally, built, gathered
from pytest_llmupgrade.logs.drafting import judging
from pytest_llmupgrade.logs.mapping import mapping
from pytest_llmupgrade.logs.opening import STDIN
from pytest_llmupgrade.logs.reading import How
from pytest_llmupgrade.logs.updating import Existing, at_source, checked, existing, filled, loadable
from pytest_llmupgrade.logs.writing import added, file_text
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_llmupgrade.logs.building import Built
    from pytest_llmupgrade.logs.drafting import Draft
    from pytest_llmupgrade.logs.sampling import Pool


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
    redactor = None if wanted.no_redact else redactor_of(wanted.redact, wanted.pii, voice.warn)
    if note := uncollected(wanted.output):
        voice.warn(note)
    if redactor is None:
        voice.warn("--no-redact: SECRETS AND PERSONAL DATA OF THE LOGS ARE WRITTEN AS THEY STAND")
    judges = judging(wanted.judge, json_schema=wanted.json_schema)
    for note in filter(None, map(foreign_judge, (judges.default, *judges.by_category.values()))):
        voice.warn(note)
    kept = _recording(wanted)
    tally = Tally()
    pool = _pool(wanted, voice, tally, kept)
    _usable(tally, wanted)
    made = built(
        pool, redactor=redactor, judges=judges, sample=wanted.sample, near=wanted.near, before=before
    )
    if made.drafts:
        made = _written(wanted, made, before, tally, judges.default)
    for line in (*told(wanted, made, tally, redactor), *(kept.written(made.answers) if kept else ())):
        voice.say(line)
    if made.drafts or kept:
        voice.say(next_command(wanted, judges))
    return 0


def _pool(wanted: Wanted, voice: Voice, tally: Tally, kept: Recording | None) -> Pool:
    how = How(
        format=wanted.format, mapped=mapping(wanted.map), told=lambda count: voice.progress(count, tally)
    )
    return gathered(
        wanted.logs,
        how,
        tally,
        sample=wanted.sample,
        by=_by(wanted.by),
        seed=wanted.seed,
        min_rating=wanted.min_rating,
        of=kept.of if kept else None,
    )


def _recording(wanted: Wanted) -> Recording | None:
    if wanted.snapshot_model is None:
        return None
    return recording(wanted.snapshot_model, wanted.output, update=wanted.update, force=wanted.force)


def _before(wanted: Wanted) -> Existing | None:
    for log in wanted.logs:
        if log != STDIN and (not Path(log).exists() or Path(log).is_dir()):
            raise UsageError(f"{log}: no such file")
    if wanted.no_redact and (wanted.redact or wanted.pii):
        raise UsageError("--no-redact beside --redact or --pii: say whether anything is to be redacted")
    if wanted.output.suffix not in (".yaml", ".yml"):
        raise UsageError(f"-o {wanted.output}: name an eval file, such as evals/eval_support.yaml")
    if not wanted.output.exists():
        return None
    if wanted.update:
        return existing(wanted.output)
    if not wanted.force:
        raise UsageError(f"{wanted.output}: is there already; --update adds new cases, --force replaces it")
    return None


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
            FaultyFiles(sorted(tally.causes()))
            if tally.faults
            else UsageError(
                f"none of {plural(tally.records, 'record')} is an answered request: {reasons(tally.skipped)}"
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

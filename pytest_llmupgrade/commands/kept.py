"""What `llmupgrade runs`, `compare`, `merge` and `report` do."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.kept import places
from pytest_llmupgrade.kept.deciding import check_decision, write_joined_decision
from pytest_llmupgrade.kept.joining import exit_reason
from pytest_llmupgrade.kept.reading import read_run
from pytest_llmupgrade.kept.showing import check_reports, lines, write_reports, writing
from pytest_llmupgrade.kept.standing_in import join_as_shown
from pytest_llmupgrade.wording import plural, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.kept.joining import Joined
    from pytest_llmupgrade.kept.reading import KeptRun
    from pytest_llmupgrade.verdict import Rule


def runs_lines(folder: Path = places.FOLDER) -> Iterator[str]:
    """Yield one line per kept run, newest first."""
    runs = places.kept_in(folder)
    if not runs:
        yield f"no runs in {folder}; pytest --llm-models=... keeps each one there"
    for path in reversed(runs):
        try:
            yield f"{path.stem}  {_described(read_run(path))}"
        except FaultyFiles as error:
            yield f"{path.stem}  ({error.faults[0].message})"


def _described(run: KeptRun) -> str:
    models = ", ".join(map(printable, run.head.models))
    part = f"  shard {run.head.shard}" if run.head.shard else ""
    ended = exit_reason([run])
    state = "" if ended == "finished" else f"  ({ended})"
    return f"{run.head.created}  {plural(len(run.rows), 'item')}  {models}{part}{state}"


def compare(options: argparse.Namespace) -> int:
    """Print old against new; 1 where the new one regresses."""
    from pytest_llmupgrade.kept.comparing import compare_runs

    check_reports(options.report)
    old, new = (read_run(places.find_run(name), shown=name) for name in (options.old, options.new))
    check_decision(options.decision)
    joined = compare_runs(
        old,
        new,
        incumbent=options.incumbent,
        candidates=options.candidate,
        common=options.common,
        rule=_rule(options, new),
    )
    _tell_unfinished([old, new])
    return _told(_completed(joined, [new]), options)


def merge(options: argparse.Namespace) -> int:
    """Print the shards' report as one; write the joined run where it was asked for."""
    from pytest_llmupgrade.kept.merging import check_mergeable, write_merged

    check_reports(options.report)
    check_decision(options.decision)
    runs = [read_run(places.find_run(name), shown=name) for name in options.runs]
    check_mergeable(runs)
    if options.output is not None:
        if any(options.output.resolve() == run.path.resolve() for run in runs):
            raise UsageError(f"-o {options.output}: is one of the runs to join; name another file")
        places.check_replaceable(options.output, flag="-o ")
        with writing(options.output), places.open_new(options.output) as stream:
            write_merged(runs, stream)
    _tell_unfinished(runs)
    return _told(_completed(_as_shown(runs, options), runs), options)


def report(options: argparse.Namespace) -> int:
    """Render one kept run in the format that was asked for; the exit code is 0, whatever the run found."""
    from pytest_llmupgrade.kept.showing import texts

    check_decision(options.decision)
    run = read_run(places.find_run(options.run_name), shown=options.run_name)
    joined = _completed(_as_shown([run], options), [run])
    pieces = texts(joined, options.format, colour=options.output is None and _coloured())
    if options.output is None:
        sys.stdout.writelines(pieces)
    else:
        with writing(options.output), options.output.open("w", encoding="utf-8") as stream:
            stream.writelines(pieces)
    if options.decision is not None:
        write_joined_decision(joined, options.decision)
    return 0


def _tell_unfinished(runs: Sequence[KeptRun]) -> None:
    """Say which runs are not whole, beside the report."""
    for run in runs:
        ended = exit_reason([run])
        if ended != "finished":
            planned = max(len(run.rows), sum(run.planned.values()))
            sys.stderr.write(
                f"llmupgrade: {printable(run.shown)} did not finish ({ended}): {len(run.rows)} of {plural(planned, 'item')} in it\n"
            )


def _as_shown(runs: Sequence[KeptRun], options: argparse.Namespace) -> Joined:
    """Return the runs as one, with the baseline that they had; what is in the way of that is said beside the report."""
    joined, missing = join_as_shown(runs, Path(), rule=_rule(options, runs[0]))
    if missing is not None:
        sys.stderr.write(f"llmupgrade: {missing}\n")
    return joined


def _coloured() -> bool:
    """Whether to write colours: on a terminal, or where FORCE_COLOR asks; never where NO_COLOR is set."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def _rule(options: argparse.Namespace, run: KeptRun) -> Rule:
    """Return the verdict's rule: `--margin`, else the run's own `--llm-margin`, else `[tool.llmupgrade.gate]` here."""
    from pytest_llmupgrade.settings import load_settings
    from pytest_llmupgrade.verdict.table import SMALLEST_MARGIN_PP, is_margin

    if options.margin is not None and not is_margin(options.margin):
        raise UsageError(
            f"--margin={options.margin:g}: write percentage points from {SMALLEST_MARGIN_PP} to 50"
        )
    gate = load_settings(Path("pyproject.toml")).gate
    margin = run.head.margin if options.margin is None else options.margin
    return gate.rule(margin_pp=margin, look=min(run.head.look, gate.looks))


def _completed(joined: Joined, runs: Sequence[KeptRun]) -> Joined:
    """Return the report with its cost at the traffic that is declared here, and how far the runs' judge is trusted."""
    from pytest_llmupgrade.calibration.quoting import with_trust
    from pytest_llmupgrade.settings import load_settings

    traffic = load_settings(Path("pyproject.toml")).monthly_requests
    judge = next((run.head.judge for run in runs if run.head.judge is not None), None)
    return replace(joined, summary=with_trust(joined.summary.with_traffic(traffic), judge, Path()))


def _told(joined: Joined, options: argparse.Namespace) -> int:
    for line in lines(joined, colour=_coloured()):
        sys.stdout.write(f"{line}\n")
    write_reports(joined, options.report)
    if options.decision is not None:
        write_joined_decision(joined, options.decision)
    return 1 if any(comparison.broke for comparison in joined.summary.comparisons) else 0

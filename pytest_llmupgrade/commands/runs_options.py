"""The flags of the commands on kept runs and recorded answers: runs, compare, merge, report, snapshot, calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def runs(parser: ArgumentParser) -> None:
    """Declare `llmupgrade runs`."""
    parser.set_defaults(run=_runs)


def compare(parser: ArgumentParser) -> None:
    """Declare `llmupgrade compare`."""
    parser.add_argument("old", metavar="OLD", help="a path, a name of `llmupgrade runs`, or last~1")
    parser.add_argument("new", metavar="NEW", help="likewise, or last")
    parser.add_argument("--incumbent", metavar="MODEL", help="of OLD (default: its first)")
    parser.add_argument("--candidate", metavar="MODEL", action="append", default=[], help="of NEW")
    parser.add_argument("--common", action="store_true", help="compare the cases of both, leave the rest out")
    parser.set_defaults(run=_kept, action="compare")
    _add_judged(parser)
    _add_report(parser)


def merge(parser: ArgumentParser) -> None:
    """Declare `llmupgrade merge`."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help="files that --llm-keep named")
    parser.add_argument("-o", "--output", type=Path, metavar="PATH.jsonl", help="keep the joined run there")
    parser.set_defaults(run=_kept, action="merge")
    _add_judged(parser)
    _add_report(parser)


def report(parser: ArgumentParser) -> None:
    """Declare `llmupgrade report`."""
    parser.add_argument("run_name", metavar="RUN", nargs="?", default="last", help="default: last")
    parser.add_argument("--format", choices=("terminal", "md", "json", "html"), default="terminal")
    parser.add_argument("-o", "--output", type=Path, metavar="PATH", help="default: standard output")
    parser.set_defaults(run=_kept, action="report")
    _add_judged(parser)


def _add_judged(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--margin",
        type=float,
        metavar="PP",
        help="percentage points (default: that of pyproject.toml, or 5)",
    )
    parser.add_argument(
        "--decision",
        type=Path,
        metavar="PATH.json",
        help="write the verdict as a decision file, which `evidence` in rollout.yaml names",
    )


def _add_report(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--report",
        type=Path,
        metavar="PATH.json|.md|.html",
        action="append",
        default=[],
        help="write the report, too",
    )


def _runs(_options: Namespace) -> int:
    from pytest_llmupgrade.commands.kept import runs_lines

    for line in runs_lines():
        print(line)
    return 0


def _kept(options: Namespace) -> int:
    from pytest_llmupgrade.commands import kept

    code: int = getattr(kept, options.action)(options)
    return code


def snapshot(parser: ArgumentParser) -> None:
    """Declare `llmupgrade snapshot`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    diff = actions.add_parser("diff", help="say in words what changed: questions, answers, verdicts")
    diff.add_argument(
        "--base", metavar="REV", default="HEAD", help="compare with this revision (default: HEAD)"
    )
    diff.add_argument("--all", action="store_true", help="list every case")
    diff.add_argument(
        "--format", choices=("text", "md"), default="text", help="md: for a comment or a summary"
    )
    diff.set_defaults(run=_snapshot_diff)


def _snapshot_diff(options: Namespace) -> int:
    from pytest_llmupgrade.snapshots.commands import diff

    return diff(options)


def calibrate(parser: ArgumentParser) -> None:
    """Declare `llmupgrade calibrate`."""
    parser.add_argument("labels", type=Path, metavar="LABELLED.yaml", help="answers with human: pass or fail")
    parser.add_argument("--judge-model", metavar="MODEL", help="default: [tool.llmupgrade.judge] model")
    parser.add_argument("--no-keep", action="store_true", help="print only; write no judge_calibration.json")
    parser.set_defaults(run=_calibrate)


def _calibrate(options: Namespace) -> int:
    from pytest_llmupgrade.commands.calibrate import run

    return run(options.labels, model=options.judge_model, root=Path(), keep=not options.no_keep, say=print)

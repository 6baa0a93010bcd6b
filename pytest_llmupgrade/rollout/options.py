"""The flags of `llmupgrade rollout`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Add the actions to `llmupgrade rollout`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    status = actions.add_parser("status", help="how the rollout stands: arms, evidence, what is missing")
    status.add_argument("--format", choices=("text", "json"), default="text")
    status.add_argument("--once", action="store_true", help="print it once, on a terminal, too")
    watch = actions.add_parser("watch", help="evaluate, roll back where there is harm, write the state")
    watch.add_argument(
        "--once", action="store_true", help="look once; exit code 1 where the new arm is stopped"
    )
    kill = actions.add_parser("kill", help="stop the new arm now, in every process")
    kill.add_argument("--why", default="by hand", help="a reason, for the history")
    reset = actions.add_parser("reset", help="take a kill back; a rollback ends with a new rollout.id")
    for action in (status, watch):
        action.add_argument(
            "--interval", default="30s" if action is watch else "2s", help="such as 30s or 5m"
        )
        action.add_argument(
            "--records",
            action="append",
            default=[],
            metavar="FOLDER|URL",
            help="records of other hosts, with all folders in it, counted beside the sink's; may be repeated",
        )
        action.add_argument(
            "--events",
            action="append",
            default=[],
            metavar="FILES",
            help="raw events instead, .parquet or .jsonl, a glob or URL, counted by DuckDB; may be repeated",
        )
    simulate = actions.add_parser("simulate", help="what the gate would do with made traffic; writes nothing")
    _add_traffic(simulate)
    for action in (status, watch, kill, reset, simulate):
        action.add_argument(
            "file", type=Path, nargs="?", default=Path("rollout.yaml"), metavar="rollout.yaml"
        )
        action.set_defaults(run=_run)


def _add_traffic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--requests", type=int, default=100_000, metavar="N", help="at most (default: 100000)"
    )
    parser.add_argument(
        "--units", type=int, metavar="N", help="that make them (default: a fifth of --requests)"
    )
    parser.add_argument(
        "--traffic", default="1/s", metavar="N/s|m|h|d", help="requests per time (default: 1/s)"
    )
    for flag, metavar, words in (
        ("--harm", "METRIC=RATIO", "the new arm's failures, or mean, as a multiple of the old one's"),
        ("--base", "METRIC=SHARE", "share of the old arm's requests that an event metric happens to"),
    ):
        parser.add_argument(
            flag, action="append", default=[], metavar=metavar, help=f"{words}; may be repeated"
        )
    parser.add_argument(
        "--rated", type=float, default=0.2, metavar="SHARE", help="of requests (default: 0.2)"
    )
    parser.add_argument("--sticky", action="store_true", help="a unit that fails once fails every time")
    parser.add_argument("--every", default="30s", metavar="TIME", help="between two looks (default: 30s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, the same story")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def _run(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.rollout import commands
    from pytest_llmupgrade.rollout.simulating import command

    code: int = getattr(command if options.action == "simulate" else commands, options.action)(options)
    return code

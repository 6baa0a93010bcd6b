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
            type=Path,
            action="append",
            default=[],
            metavar="FOLDER",
            help="records copied from another host, counted beside the sink's; may be repeated",
        )
    for action in (status, watch, kill, reset):
        action.add_argument(
            "file", type=Path, nargs="?", default=Path("rollout.yaml"), metavar="rollout.yaml"
        )
        action.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.rollout import commands

    code: int = getattr(commands, options.action)(options)
    return code

"""The flags of the commands that look things up: models, prices, deadlines, store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def models(parser: ArgumentParser) -> None:
    """Declare `llmupgrade models`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    ls = actions.add_parser("ls", help="list them, and which are fetched")
    ls.set_defaults(run=_models_ls)
    pull = actions.add_parser("pull", help="fetch them now, so that later runs need no network")
    pull.add_argument("names", nargs="*", metavar="MODEL", help="default: all")
    pull.set_defaults(run=_models_pull)


def _models_ls(_options: Namespace) -> int:
    from pytest_llmupgrade.providers.local import commands

    for line in commands.models_table():
        print(line)
    return 0


def _models_pull(options: Namespace) -> int:
    from pytest_llmupgrade.providers.local import commands

    commands.pull(options.names, print)
    return 0


def prices(parser: ArgumentParser) -> None:
    """Declare `llmupgrade prices`."""
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.set_defaults(run=_prices)


def _prices(options: Namespace) -> int:
    from pytest_llmupgrade.commands.prices import lines
    from pytest_llmupgrade.settings import load_settings

    settings = load_settings(Path("pyproject.toml"))
    for line in lines(settings.spec(name) for name in options.models):
        print(line)
    return 0


def deadlines(parser: ArgumentParser) -> None:
    """Declare `llmupgrade deadlines`."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: those of pyproject.toml")
    parser.add_argument("--scan", type=Path, metavar="PATH", help="find model names in a code base")
    parser.add_argument("--live", action="store_true", help="ask the providers' own lists of models")
    parser.add_argument("--ics", type=Path, metavar="FILE", help="write a calendar with reminders")
    parser.add_argument("--format", choices=("text", "md", "json"), default="text")
    parser.add_argument("--within", metavar="DAYS", help="exit code 1 if one ends within DAYS, such as 30d")
    parser.set_defaults(run=_deadlines)


def _deadlines(options: Namespace) -> int:
    from datetime import UTC, datetime

    from pytest_llmupgrade.commands.deadlines import Wanted, run

    wanted = Wanted(
        models=tuple(options.models),
        scan=options.scan,
        ics=options.ics,
        format=options.format,
        live=options.live,
        within=options.within,
    )
    return run(wanted, root=Path.cwd(), today=datetime.now(UTC).date(), say=print)


def store(parser: ArgumentParser) -> None:
    """Declare `llmupgrade store`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, words in (
        ("ls", "list the answers, oldest first"),
        ("stats", "count them by model"),
        ("prune", "delete old ones"),
        ("export", "print them as JSON lines"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("--store", type=Path, metavar="PATH", help="default: in .pytest_cache")
        action.set_defaults(run=_store, action=name, model=None, older_than=None)
        if name == "ls":
            action.add_argument("--model", help="only this model's")
        if name == "prune":
            action.add_argument(
                "--older-than", required=True, metavar="AGE", help="such as 30d, 12h or 0d for all"
            )


def _store(options: Namespace) -> int:
    from pytest_llmupgrade.store import commands

    with commands.opened(options.store) as store:
        for line in commands.lines(
            store, options.action, model=options.model, older_than=options.older_than, now=time.time()
        ):
            print(line)
    return 0

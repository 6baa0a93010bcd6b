"""The command line of `llmupgrade cases`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "logs", nargs="+", metavar="LOG", help="JSON or JSONL, also .gz or .zst; - reads stdin"
    )
    parser.add_argument("-o", dest="output", type=Path, required=True, metavar="evals/eval_NAME.yaml")
    parser.add_argument("--format", metavar="NAME", help="default: recognised by its records")
    parser.add_argument(
        "--map", action="append", default=[], metavar="KEY=PATH", help="such as expected=response.text"
    )
    parser.add_argument(
        "--min-rating", type=float, default=0.0, metavar="N", help="keep answers rated N or better"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="draw N cases")
    parser.add_argument(
        "--by", default="category,difficulty", metavar="KEYS", help="groups to draw from, or none"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    parser.add_argument(
        "--near",
        type=_likeness,
        default=0.92,
        metavar="SHARE",
        help="likeness of near duplicates; 1 keeps them",
    )
    parser.add_argument(
        "--judge", action="append", default=[], metavar="[CATEGORY=]NAME", help="default: llm_judge"
    )
    parser.add_argument(
        "--json-schema", action="store_true", help="judge answers that are JSON by their shape"
    )
    parser.add_argument("--redact", metavar="MODULE:FUNCTION", help="your own, after the built-in patterns")
    parser.add_argument(
        "--pii", metavar="LANG", help="names and more, by Presidio (extra 'pii'), such as --pii en"
    )
    parser.add_argument(
        "--no-redact", action="store_true", help="write secrets and personal data as they stand"
    )
    parser.add_argument(
        "--snapshot-model", metavar="MODEL", help="who answered: the answers become its snapshot, for replays"
    )
    parser.add_argument("--update", action="store_true", help="add new cases to the file, touch nothing else")
    parser.add_argument("--force", action="store_true", help="replace the file")
    parser.set_defaults(run=run)


def _likeness(written: str) -> float:
    share = float(written)
    if not 0 < share <= 1:
        raise ValueError(written)
    return share


def run(options: Namespace) -> int:
    """Run the command on the terminal."""
    from pytest_llmupgrade.commands.cases import Voice, Wanted
    from pytest_llmupgrade.commands.cases import run as make
    from pytest_llmupgrade.logs.progress import Bar

    fields = {name: getattr(options, name) for name in Wanted.__slots__}
    fields["seed"] = options.seed % (1 << 64)
    wanted = Wanted(**fields)
    with Bar(wanted.logs, sys.stderr) as bar:
        voice = Voice(say=print, warn=lambda line: print(line, file=sys.stderr), progress=bar.told)
        return make(wanted, voice)

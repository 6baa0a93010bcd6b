"""The console script `llmupgrade`: arguments in, lines out; exit code 2 for what the user can mend."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_llmupgrade import __version__
from pytest_llmupgrade.commands import cases_options, lookup_options, runs_options, suite_options
from pytest_llmupgrade.commands.parser import Parser
from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.rollout import options as rollout

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except LlmUpgradeError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    return code


_COMMANDS: tuple[tuple[str, Callable[[argparse.ArgumentParser], None], str], ...] = (
    ("init", suite_options.init, "write a first suite, prompts.yaml, settings and a GitHub workflow"),
    ("cases", cases_options.add, "make eval cases of production logs"),
    ("import", suite_options.imports, "write eval files from suites of other tools"),
    ("check", suite_options.check, "validate eval files, prompts.yaml and rollout.yaml without running them"),
    ("schema", suite_options.schema, "print a JSON Schema, for editors and programs"),
    ("prompts", suite_options.prompts, "the prompts of prompts.yaml and their versions"),
    ("runs", runs_options.runs, "list the runs that are kept"),
    ("report", runs_options.report, "render a kept run: terminal, Markdown, JSON or HTML"),
    ("compare", runs_options.compare, "put a kept run's incumbent beside another run's models"),
    ("merge", runs_options.merge, "join the shards of --llm-shard into one report"),
    ("snapshot", runs_options.snapshot, "the recorded answers"),
    ("calibrate", runs_options.calibrate, "compare llm_judge with people's verdicts"),
    ("rollout", rollout.add, "how a rollout stands, and the hand on its brake"),
    ("deadlines", lookup_options.deadlines, "when models are shut down"),
    ("prices", lookup_options.prices, "what models' tokens cost, with the source of each price"),
    ("models", lookup_options.models, "the embedded local models"),
    ("store", lookup_options.store, "the answers that runs have kept"),
)
"""Each command with what declares its flags, in the order in which a team meets them."""


def _parser() -> Parser:
    parser = Parser(prog="llmupgrade", description="Companion of pytest-llmupgrade.")
    parser.add_argument("--version", action="version", version=f"pytest-llmupgrade {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, declare, words in _COMMANDS:
        declare(commands.add_parser(name, help=words))
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

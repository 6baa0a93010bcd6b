"""The flags of the commands that read or write suites: schema, check, init, import, prompts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def schema(parser: ArgumentParser) -> None:
    """Declare `llmupgrade schema`."""
    parser.add_argument(
        "of",
        choices=["cases", "prompts", "rollout", "report", "decision"],
        nargs="?",
        default="cases",
        help="eval files, prompts.yaml, rollout.yaml, what --llm-report=PATH.json writes, or --llm-decision",
    )
    parser.set_defaults(run=_schema)


def _schema(options: Namespace) -> int:
    from pytest_llmupgrade.decisions.wire import decision_schema
    from pytest_llmupgrade.prompts.schema import prompts_schema
    from pytest_llmupgrade.rollout.wire import rollout_schema
    from pytest_llmupgrade.run.load import case_schema
    from pytest_llmupgrade.run.report.json_report import report_schema

    schemas = {
        "cases": case_schema,
        "prompts": prompts_schema,
        "rollout": rollout_schema,
        "report": report_schema,
        "decision": decision_schema,
    }
    print(json.dumps(schemas[options.of](), indent=2))
    return 0


def check(parser: ArgumentParser) -> None:
    """Declare `llmupgrade check`."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders of them")
    parser.set_defaults(run=_check)


def _check(options: Namespace) -> int:
    from pytest_llmupgrade.commands.check import check

    return check(options.paths, print)


def init(parser: ArgumentParser) -> None:
    """Declare `llmupgrade init`."""
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="default: here")
    parser.add_argument("--incumbent", metavar="MODEL", help="the model in production now")
    parser.add_argument("--candidate", metavar="MODEL", help="the model that may follow it")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.set_defaults(run=_init)


def _init(options: Namespace) -> int:
    from pytest_llmupgrade.commands.init import run

    asks = sys.stdin.isatty() and sys.stdout.isatty() and not options.yes
    return run(
        options.folder,
        incumbent=options.incumbent,
        candidate=options.candidate,
        ask=_ask if asks else None,
        say=print,
    )


def _ask(question: str, default: str) -> str:
    try:
        return input(f"{question} [{default}]: ").strip() or default
    except EOFError:
        return default


def imports(parser: ArgumentParser) -> None:
    """Declare `llmupgrade import`."""
    kinds = parser.add_subparsers(required=True, metavar="TOOL", dest="kind")
    for kind in ("promptfoo", "openai-evals", "deepeval", "csv"):
        one = kinds.add_parser(kind)
        one.add_argument("path", type=Path, metavar="FILE")
        one.add_argument("-o", dest="output", type=Path, default=Path("evals"), metavar="FOLDER|FILE.yaml")
        one.add_argument("--force", action="store_true", help="replace files that are there")
        if kind == "openai-evals":
            matches = ("match", "includes", "includes-ignore-case", "fuzzy-match")
            one.add_argument("--match", choices=matches, default="match", help="the eval's class")
        if kind in ("deepeval", "csv"):
            one.add_argument("--judge", default="llm_judge", help="what compares with the expected answer")
        if kind == "csv":
            one.add_argument("--input", default="input", metavar="COLUMN")
            one.add_argument("--expected", default="expected", metavar="COLUMN")
        one.set_defaults(run=_import)


def _import(options: Namespace) -> int:
    from pytest_llmupgrade.commands.importing import Wanted, run
    from pytest_llmupgrade.importing.tables import Columns

    wanted = Wanted(
        kind=options.kind,
        path=options.path,
        output=options.output,
        force=options.force,
        match=getattr(options, "match", "match"),
        judge=getattr(options, "judge", "llm_judge"),
        columns=Columns(
            input=getattr(options, "input", "input"), expected=getattr(options, "expected", "expected")
        ),
    )
    return run(wanted, root=Path.cwd(), say=print)


def prompts(parser: ArgumentParser) -> None:
    """Declare `llmupgrade prompts`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    listing = actions.add_parser("list", help="the prompts, their versions, and which models are told which")
    diff = actions.add_parser(
        "diff", help="versions of a prompt side by side, or what changed since a revision"
    )
    diff.add_argument("name", nargs="?", metavar="PROMPT", help="default: all")
    diff.add_argument(
        "versions", nargs="*", metavar="VERSION", help="two versions, or one against the others"
    )
    diff.add_argument("--base", metavar="REV", help="what changed since this revision of git")
    for action in (listing, diff):
        action.add_argument(
            "--file", type=Path, metavar="prompts.yaml", help="default: every one below this folder"
        )
        action.set_defaults(run=_prompts)


def _prompts(options: Namespace) -> int:
    from pytest_llmupgrade.prompts.commands import differing, listed

    for line in listed(options.file) if options.action == "list" else differing(options):
        print(line)
    return 0

"""The console script `llmupgrade`: arguments in, lines out; exit code 2 for what the user can mend."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade import __version__
from pytest_llmupgrade.errors import LlmUpgradeError

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llmupgrade", description="Companion of pytest-llmupgrade.")
    parser.add_argument("--version", action="version", version=f"pytest-llmupgrade {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    schema = commands.add_parser("schema", help="print a JSON Schema, for editors and programs")
    schema.add_argument(
        "of",
        choices=["cases", "prompts", "rollout", "report", "decision"],
        nargs="?",
        default="cases",
        help="eval files, prompts.yaml, rollout.yaml, what --llm-report=PATH.json writes, or --llm-decision",
    )
    schema.set_defaults(run=_schema)

    check = commands.add_parser(
        "check", help="validate eval files, prompts.yaml and rollout.yaml without running them"
    )
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders of them")
    check.set_defaults(run=_check)

    models = commands.add_parser("models", help="the embedded local models")
    actions = models.add_subparsers(required=True, metavar="ACTION")
    ls = actions.add_parser("ls", help="list them, and which are fetched")
    ls.set_defaults(run=_models_ls)
    pull = actions.add_parser("pull", help="fetch them now, so that later runs need no network")
    pull.add_argument("names", nargs="*", metavar="MODEL", help="default: all")
    pull.set_defaults(run=_models_pull)
    _add_store(commands)
    _add_deadlines(commands)
    _add_prices(commands)
    _add_import(commands)
    _add_cases(commands)
    _add_init(commands)
    _add_runs(commands)
    _add_snapshot(commands)
    _add_calibrate(commands)
    _add_prompts(commands)
    _add_rollout(commands)
    return parser


def _add_prompts(commands: Any) -> None:
    from pytest_llmupgrade.prompts.commands import add

    add(commands.add_parser("prompts", help="the prompts of prompts.yaml and their versions"))


def _add_rollout(commands: Any) -> None:
    from pytest_llmupgrade.rollout.options import add

    add(commands.add_parser("rollout", help="how a rollout stands, and the hand on its brake"))


def _add_calibrate(commands: Any) -> None:
    calibrate = commands.add_parser("calibrate", help="compare llm_judge with people's verdicts")
    calibrate.add_argument(
        "labels", type=Path, metavar="LABELLED.yaml", help="answers with human: pass or fail"
    )
    calibrate.add_argument("--judge-model", metavar="MODEL", help="default: [tool.llmupgrade.judge] model")
    calibrate.add_argument(
        "--no-keep", action="store_true", help="print only; write no judge_calibration.json"
    )
    calibrate.set_defaults(run=_calibrate)


def _calibrate(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.commands.calibrate import run

    return run(options.labels, model=options.judge_model, root=Path(), keep=not options.no_keep, say=print)


def _add_store(commands: Any) -> None:
    store = commands.add_parser("store", help="the answers that runs have kept")
    actions = store.add_subparsers(required=True, metavar="ACTION")
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


def _add_deadlines(commands: Any) -> None:
    deadlines = commands.add_parser("deadlines", help="when models are shut down")
    deadlines.add_argument("models", nargs="*", metavar="MODEL", help="default: those of pyproject.toml")
    deadlines.add_argument("--scan", type=Path, metavar="PATH", help="find model names in a code base")
    deadlines.add_argument("--live", action="store_true", help="ask the providers' own lists of models")
    deadlines.add_argument("--ics", type=Path, metavar="FILE", help="write a calendar with reminders")
    deadlines.add_argument("--format", choices=("text", "md", "json"), default="text")
    deadlines.add_argument(
        "--within", metavar="DAYS", help="exit code 1 if one ends within DAYS, such as 30d"
    )
    deadlines.set_defaults(run=_deadlines)


def _add_init(commands: Any) -> None:
    init = commands.add_parser(
        "init", help="write a first suite, prompts.yaml, settings and a GitHub workflow"
    )
    init.add_argument("folder", nargs="?", type=Path, default=Path(), help="default: here")
    init.add_argument("--incumbent", metavar="MODEL", help="the model in production now")
    init.add_argument("--candidate", metavar="MODEL", help="the model that may follow it")
    init.add_argument("--yes", action="store_true", help="ask nothing")
    init.set_defaults(run=_init)


def _init(options: argparse.Namespace) -> int:
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


def _add_import(commands: Any) -> None:
    imports = commands.add_parser("import", help="write eval files from suites of other tools")
    kinds = imports.add_subparsers(required=True, metavar="TOOL", dest="kind")
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


def _import(options: argparse.Namespace) -> int:
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


def _add_cases(commands: Any) -> None:
    from pytest_llmupgrade.commands.cases_options import add

    add(commands.add_parser("cases", help="make eval cases of production logs"))


def _add_prices(commands: Any) -> None:
    prices = commands.add_parser("prices", help="what models' tokens cost, with the source of each price")
    prices.add_argument("models", nargs="+", metavar="MODEL")
    prices.set_defaults(run=_prices)


def _prices(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.commands.prices import lines
    from pytest_llmupgrade.settings import load_settings

    settings = load_settings(Path("pyproject.toml"))
    for line in lines(settings.spec(name) for name in options.models):
        print(line)
    return 0


def _deadlines(options: argparse.Namespace) -> int:
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


def _store(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.store import commands

    with commands.opened(options.store) as store:
        for line in commands.lines(
            store, options.action, model=options.model, older_than=options.older_than, now=time.time()
        ):
            print(line)
    return 0


def _add_runs(commands: Any) -> None:
    runs = commands.add_parser("runs", help="list the runs that are kept")
    runs.set_defaults(run=_runs)

    compare = commands.add_parser("compare", help="put a kept run's incumbent beside another run's models")
    compare.add_argument("old", metavar="OLD", help="a path, a name of `llmupgrade runs`, or last~1")
    compare.add_argument("new", metavar="NEW", help="likewise, or last")
    compare.add_argument("--incumbent", metavar="MODEL", help="of OLD (default: its first)")
    compare.add_argument("--candidate", metavar="MODEL", action="append", default=[], help="of NEW")
    compare.add_argument(
        "--common", action="store_true", help="compare the cases of both, leave the rest out"
    )
    compare.set_defaults(run=_kept, action="compare")

    merge = commands.add_parser("merge", help="join the shards of --llm-shard into one report")
    merge.add_argument("runs", metavar="RUN", nargs="+", help="files that --llm-keep named")
    merge.add_argument("-o", "--output", type=Path, metavar="PATH.jsonl", help="keep the joined run there")
    merge.set_defaults(run=_kept, action="merge")
    report = commands.add_parser("report", help="render a kept run: terminal, Markdown, JSON or HTML")
    report.add_argument("run_name", metavar="RUN", nargs="?", default="last", help="default: last")
    report.add_argument("--format", choices=("terminal", "md", "json", "html"), default="terminal")
    report.add_argument("-o", "--output", type=Path, metavar="PATH", help="default: standard output")
    report.set_defaults(run=_kept, action="report")
    for command in (compare, merge, report):
        command.add_argument(
            "--margin",
            type=float,
            metavar="PP",
            help="percentage points (default: that of pyproject.toml, or 5)",
        )
        command.add_argument(
            "--decision",
            type=Path,
            metavar="PATH.json",
            help="write the verdict as a decision file, which `evidence` in rollout.yaml names",
        )
    for command in (compare, merge):
        command.add_argument(
            "--report",
            type=Path,
            metavar="PATH.json|.md|.html",
            action="append",
            default=[],
            help="write the report, too",
        )


def _add_snapshot(commands: Any) -> None:
    snapshot = commands.add_parser("snapshot", help="the recorded answers")
    actions = snapshot.add_subparsers(required=True, metavar="ACTION")
    diff = actions.add_parser("diff", help="say in words what changed: questions, answers, verdicts")
    diff.add_argument(
        "--base", metavar="REV", default="HEAD", help="compare with this revision (default: HEAD)"
    )
    diff.add_argument("--all", action="store_true", help="list every case")
    diff.add_argument(
        "--format", choices=("text", "md"), default="text", help="md: for a comment or a summary"
    )
    diff.set_defaults(run=_snapshot_diff)


def _snapshot_diff(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.snapshots.commands import diff

    return diff(options)


def _runs(_options: argparse.Namespace) -> int:
    from pytest_llmupgrade.commands.kept import runs_lines

    for line in runs_lines():
        print(line)
    return 0


def _kept(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.commands import kept

    code: int = getattr(kept, options.action)(options)
    return code


def _schema(options: argparse.Namespace) -> int:
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


def _check(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.commands.check import check

    return check(options.paths, print)


def _models_ls(_options: argparse.Namespace) -> int:
    from pytest_llmupgrade.providers.local import commands

    for line in commands.models_table():
        print(line)
    return 0


def _models_pull(options: argparse.Namespace) -> int:
    from pytest_llmupgrade.providers.local import commands

    commands.pull(options.names, print)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

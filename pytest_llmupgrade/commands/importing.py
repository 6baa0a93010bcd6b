"""`llmupgrade import`: writes eval files from suites of other tools, and says what has no counterpart."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.commands.naming import uncollected
from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.importing.drafts import SuiteDraft, slug
from pytest_llmupgrade.importing.openai_evals import import_openai_evals
from pytest_llmupgrade.importing.promptfoo.config import import_promptfoo
from pytest_llmupgrade.importing.tables import Columns, import_csv, import_deepeval
from pytest_llmupgrade.importing.writing import suite_text
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.wording import plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KINDS = ("promptfoo", "openai-evals", "deepeval", "csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    kind: str
    path: Path
    output: Path = Path("evals")
    """A folder, or a file where the source makes one."""
    force: bool = False
    match: str = "match"
    judge: str = "llm_judge"
    columns: Columns = field(default_factory=Columns)


def run(wanted: Wanted, *, root: Path, say: Callable[[str], None]) -> int:
    """Write the eval files and print what was done; nothing is written where one is there already."""
    if not wanted.path.is_file():
        raise UsageError(f"{wanted.path}: no such file")
    files = {path: (suite, suite_text(suite)) for path, suite in _placed(wanted, root)}
    for path in files:
        if path.exists() and not wanted.force:
            raise UsageError(f"{path}: is there already; name another with -o, or pass --force to replace it")
    for path, (suite, text) in files.items():
        _write(path, text)
        if note := uncollected(path):
            say(note)
        for line in _told(path, suite):
            say(line)
    remarks = sorted({remark for suite, _text in files.values() for remark in suite.all_remarks()})
    for remark in remarks:
        say(f"  {printable(str(remark))}")
    models = ",".join(dict.fromkeys(name for suite, _text in files.values() for name in suite.models))
    say(f"run: pytest {' '.join(str(path) for path in files)} --llm-models={models or 'MODEL'}")
    return 0


def _placed(wanted: Wanted, root: Path) -> Iterator[tuple[Path, SuiteDraft]]:
    suites = _suites(wanted, root)
    single = wanted.output.suffix in (".yaml", ".yml")
    if single and len(suites) > 1:
        raise UsageError(
            f"-o {wanted.output}: {len(suites)} files are made, one for each prompt; name a folder"
        )
    stem = (
        slug(wanted.path.stem.removesuffix(".promptfoo")).replace("-", "_").removesuffix("config") or "suite"
    )
    for name, suite in suites.items():
        ending = f"_{name.replace('-', '_')}" if name else ""
        yield (wanted.output if single else wanted.output / f"eval_{stem}{ending}.yaml"), suite


def _suites(wanted: Wanted, root: Path) -> Mapping[str, SuiteDraft]:
    path, shown = wanted.path, wanted.path.as_posix()
    if wanted.kind == "promptfoo":
        return import_promptfoo(path, shown=shown, root=root)
    if wanted.kind == "openai-evals":
        return {"": import_openai_evals(path, shown=shown, match=wanted.match)}
    if wanted.kind == "deepeval":
        return {"": import_deepeval(path, shown=shown, judge=wanted.judge)}
    return {"": import_csv(path, shown=shown, judge=wanted.judge, columns=wanted.columns)}


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: not written: {error.strerror}") from None


def _told(path: Path, suite: SuiteDraft) -> Iterator[str]:
    """Yield what became of the source; a file is loaded back, so that what is promised to run does load."""
    live = sum(not case.disabled for case in suite.cases)
    comments = len(suite.cases) - live
    more = f", {comments:,} more as {'a comment' if comments == 1 else 'comments'}" if comments else ""
    yield f"{path}: {plural(live, 'case')}{more}"
    if live:
        try:
            load_suite(path, file=path.as_posix())
        except FaultyFiles as error:
            yield from (f"  to mend by hand: {fault}" for fault in error.faults)

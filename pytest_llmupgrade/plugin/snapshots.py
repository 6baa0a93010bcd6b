"""Snapshots in a run: each item's page, the guard on updates, and what is said at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import CallError
from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.plugin.snapshot_writing import SnapshotRefused, hand_over
from pytest_llmupgrade.plugin.telling import variant_of
from pytest_llmupgrade.providers.quoting import without_keys

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from pytest_llmupgrade.engine.flight import Planned
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.snapshots.book import Book, Page
    from pytest_llmupgrade.variants import Variant

HOOKS = "llmupgrade-snapshots"
_REFUSED = "llmupgrade_refused"
"""The attribute of a TestReport whose snapshot was not updated."""
_UNUSABLE = "llmupgrade_unusable"
"""The attribute of a TestReport that had no usable snapshot: why, and the model's name."""
_NAMED = 5
"""Cases that the last lines name for each cause."""


class SnapshotHooks:
    """The hooks of a run that reads or writes snapshots."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._refused: list[str] = []
        self._faults: dict[str, list[str]] = {}
        """By cause, the cases without a usable snapshot."""
        self._models: dict[str, None] = {}
        """Whose they are."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Open the item's page."""
        book = self._config.stash[SESSION].book
        column = variant_of(item)
        book.begin(lambda: None if column is None else page_of(item, book, column))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Hand the item's snapshot to syrupy, once it is judged."""
        failed = True
        try:
            result = yield
            failed = False
            return result
        finally:
            hand_over(item, self._config.stash[SESSION], failed=failed)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mark the reports of a refused update and of an unusable snapshot: they travel from xdist's workers."""
        report = yield
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, SnapshotRefused):
            setattr(report, _REFUSED, True)
        elif isinstance(error, CallError) and error.failure.kind == "replay":
            column = variant_of(item)
            setattr(report, _UNUSABLE, (without_keys(str(error)), column.model if column else ""))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note refused updates and unusable snapshots."""
        if getattr(report, _REFUSED, False):
            self._refused.append(report.nodeid)
        unusable = getattr(report, _UNUSABLE, None)
        if unusable is not None:
            cause, model = unusable
            self._faults.setdefault(cause, []).append(report.nodeid)
            self._models[model] = None

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the stale cases and the command that renews them."""
        for line in told(self._faults, self._refused, self._way() if self._faults else ""):
            terminalreporter.write_line(line, red=True)

    def _way(self) -> str:
        """Return what is to be done about the stale cases."""
        gone = self._config.stash[SESSION].gone
        ended = [model for model in self._models if model in gone]
        renew = f" Renew: {command(self._config)}" if len(ended) < len(self._models) else ""
        return f"{renew}{_cannot(ended)}"


def make_book(config: pytest.Config, session: LlmSession) -> Book:
    """Return the snapshots of a run, in the mode that the command line asks for."""
    from pytest_llmupgrade.snapshots.book import Book, Mode

    options = session.options
    mode = Mode(
        replay=options.snapshots.replay,
        fresh=options.fresh,
        first=options.snapshots.update,
    )
    root = config.rootpath
    return Book(
        mode,
        session.replays,
        lambda path: (path.relative_to(root) if path.is_relative_to(root) else path).as_posix(),
    )


# --- pages -----------------------------------------------------------------------------------------


def page_of(item: pytest.Item, book: Book, column: Variant) -> Page:
    """Return the page of an item's case in a column, its own or another: in the file of its suite and parameters."""
    from pytest_llmupgrade.snapshots.files import snapshot_path

    own = variant_of(item)
    parameters = item.name.partition("[")[2].removesuffix("]")
    if own is not None:
        parameters = column.name + parameters.removeprefix(own.name)
    name = ".".join(item.nodeid.split("::")[1:]).partition("[")[0]
    return book.open(snapshot_path(item.path, parameters), name)


def without_recorded(
    planned: Iterable[Planned], items: Iterable[pytest.Item], session: LlmSession
) -> Iterator[Planned]:
    """Leave out the calls that snapshots will answer, so that nothing is asked ahead in vain."""
    if session.book.mode.replay:
        return
    owners = {item.nodeid: item for item in items}
    for one in planned:
        item, spare = owners[one.owner], session.book.mode.first or session.replays(one.request.model)
        column = variant_of(item) if spare else None
        if column is None or not session.book.has(page_of(item, session.book, column), one.request):
            yield one


# --- what is said ----------------------------------------------------------------------------------


def _cannot(ended: Sequence[str]) -> str:
    """Return what is left to do for models that nobody serves any more; '' where there are none."""
    if not ended:
        return ""
    verbs = ("is", "answers") if len(ended) == 1 else ("are", "answer")
    return (
        f" {', '.join(ended)} {verbs[0]} gone and {verbs[1]} only what was asked then: put the questions back, or "
        "compare with a run that was kept (--llm-baseline)"
    )


def told(faults: dict[str, list[str]], refused: list[str], way: str) -> Iterator[str]:
    """Yield one line for all unusable snapshots, with the way on, and one for all refused updates."""
    if faults:
        cases = dict.fromkeys(nodeid for nodeids in faults.values() for nodeid in nodeids)
        causes = "; ".join(f"{cause}: {_names(nodeids)}" for cause, nodeids in faults.items())
        yield f"{len(cases)} without a usable snapshot: {causes}.{way}"
    if refused:
        yield (
            f"{len(refused)} not updated, for they passed before and miss now: {_names(refused)}. "
            "Accept: --llm-accept-regressions"
        )


def _names(nodeids: Sequence[str]) -> str:
    """Return the first few node ids, and how many more there are: a changed prompt makes all of a suite stale."""
    from pytest_llmupgrade.wording import printable

    named = ", ".join(printable(nodeid) for nodeid in nodeids[:_NAMED])
    return f"{named} and {len(nodeids) - _NAMED} more" if len(nodeids) > _NAMED else named


def command(config: pytest.Config) -> str:
    """Return the command that renews what is stale, and nothing else."""
    session = config.stash[SESSION]
    words = ["pytest", "--snapshot-update", f"--llm-models={','.join(session.options.models)}"]
    if session.options.prompts:
        words.append(f"--llm-prompts={','.join(session.options.prompts)}")
    if session.options.judge_model:
        words.append(f"--llm-judge-model={session.options.judge_model}")
    return " ".join([*words, *(Path(path).as_posix() for path in config.getoption("file_or_dir"))])

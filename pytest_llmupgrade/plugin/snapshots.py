"""Snapshots in a run: each item's page, the guard on updates, and what is said at the end."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.plugin.keys import SESSION, TRIAL

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from pytest_llmupgrade.engine.flight import Planned
    from pytest_llmupgrade.model import Case, Completion, Judge, ModelSpec, Verdict
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.plugin.trial import Trial
    from pytest_llmupgrade.snapshots.book import Book, Page
    from pytest_llmupgrade.snapshots.entry import Call, Entry

HOOKS = "llmupgrade-snapshots"
_REFUSED = "llmupgrade_refused"
"""The attribute of a TestReport whose snapshot was not updated."""


class SnapshotRefused(LlmUpgradeError):  # noqa: N818  it names what happened
    """An update would replace an answer that passed by one that misses."""


class SnapshotHooks:
    """The hooks of a run that reads or writes snapshots."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._refused: list[str] = []
        self._faults: dict[str, list[str]] = {}
        """By cause, the cases without a usable snapshot."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Open the item's page."""
        session = self._config.stash[SESSION]
        session.book.page = page_of(item, session.book) if _asks_model(item) else None

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
        self, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mark the report of a refused update: it travels from xdist's workers."""
        report = yield
        if call.excinfo is not None and isinstance(call.excinfo.value, SnapshotRefused):
            setattr(report, _REFUSED, True)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note refused updates and unusable snapshots."""
        if getattr(report, _REFUSED, False):
            self._refused.append(report.nodeid)
        error = getattr(report, "llmupgrade_record", {}).get("error") or {}
        if error.get("kind") == "replay":
            self._faults.setdefault(error["message"], []).append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the stale cases and the command that renews them."""
        for line in told(self._faults, self._refused, command(self._config)):
            terminalreporter.write_line(line, red=True)


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


def gone_models(specs: Iterable[ModelSpec]) -> frozenset[str]:
    """Return the names of the models that nobody serves any more: so declared, or past their dated shutdown."""
    today = dt.datetime.now(dt.UTC).date()
    return frozenset(spec.name for spec in specs if spec.replay or _shut_down(spec, today))


def _shut_down(spec: ModelSpec, today: dt.date) -> bool:
    from pytest_llmupgrade.deadlines import provider_at, shipped
    from pytest_llmupgrade.deadlines.models import match_of

    if spec.retires is None and spec.base_url is not None and provider_at(spec.base_url) is None:
        return False  # a gateway or a server of one's own keeps models that their makers shut down
    match = match_of(spec, shipped(), today=today)
    deadline = match.deadline if match is not None else None
    return bool(deadline and deadline.shutdown and not deadline.earliest and deadline.shutdown <= today)


# --- the judge `snapshot` --------------------------------------------------------------------------


def snapshot_judge(session: LlmSession) -> Judge:
    """Return the judge that passes where the answer is the recorded one; an update always passes."""

    def judge(completion: Completion, _case: Case) -> Verdict:
        from pytest_llmupgrade.errors import JudgeError
        from pytest_llmupgrade.judges.diff import diff
        from pytest_llmupgrade.model import Verdict

        page = session.book.page
        entry = page.entry if page is not None else None
        if session.options.snapshots.update:
            return Verdict(passed=True)
        if entry is None:
            raise JudgeError(
                "judge 'snapshot': no snapshot of this case; record it: pytest --snapshot-update"
            )
        said = [(call.answer, _calls_of(call)) for call in entry.calls]
        if (completion.text, _calls_of(completion)) in said:
            return Verdict(passed=True)
        return Verdict(False, f"not the recorded answer\n{diff(said[0][0], completion.text)}")  # noqa: FBT003  as judges write it

    return judge


def _calls_of(answer: Completion | Call) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in answer.tool_calls]


# --- pages -----------------------------------------------------------------------------------------


def _asks_model(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "llm_model" in callspec.params


def page_of(item: pytest.Item, book: Book) -> Page:
    """Return an item's page: its case, in the file of its suite and its parameters."""
    from pytest_llmupgrade.snapshots.files import snapshot_path

    parameters = item.name.partition("[")[2].removesuffix("]")
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
        spare = session.book.mode.first or session.replays(one.request.model)
        if not (spare and session.book.has(page_of(owners[one.owner], session.book), one.request)):
            yield one


# --- writing ---------------------------------------------------------------------------------------


def hand_over(item: pytest.Item, session: LlmSession, *, failed: bool) -> None:
    """Give syrupy what the item asked and was answered; SnapshotRefused where that would hide a regression."""
    __tracebackhide__ = True
    page = session.book.page
    from pytest_llmupgrade.snapshots.files import entry_text

    options = session.options.snapshots
    if page is None or not page.calls or not (options.update or options.replay):
        return
    if not item.config.pluginmanager.has_plugin("syrupy"):
        return
    entry = _entry(page, item.stash.get(TRIAL, None), failed=failed)
    if options.update:
        if (
            page.entry is not None
            and (page.entry.verdict, entry.verdict) == ("passed", "missed")
            and not options.accept
        ):
            raise SnapshotRefused(_refusal(item, entry))
        _assert(item, entry_text(entry))
    else:
        _assert(item, None)


def _entry(page: Page, trial: Trial | None, *, failed: bool) -> Entry:
    from pytest_llmupgrade.snapshots.entry import Entry

    judged = trial is not None and trial.passed is not None  # a Python test judges by itself
    passed = trial.passed if judged and trial is not None else not failed
    judgements = trial.judgements if trial is not None else ()
    return Entry(
        verdict="passed" if passed else "missed",
        missed=() if passed else tuple(one.judge for one in judgements if not one.passed),
        calls=tuple(page.calls.values()),
        judging=tuple(page.judging.values()),
    )


def _refusal(item: pytest.Item, entry: Entry) -> str:
    from pytest_llmupgrade.wording import printable, shorten

    answer = shorten(" ".join(printable(entry.calls[-1].answer).split()), 200)
    missed = f" ({', '.join(map(printable, entry.missed))})" if entry.missed else ""
    return (
        f"{item.nodeid}: snapshot not updated: the recorded answer passed, the new one misses{missed}: {answer}\n"
        "mend the prompt or the case, or pass --llm-accept-regressions to record it nonetheless"
    )


def _assert(item: pytest.Item, text: str | None) -> None:
    """Let syrupy count and write a text, or count what it has as used (None).

    Built as its own fixture builds it, but without the stock extension, which would judge our files as its own.
    """
    from syrupy.assertion import SnapshotAssertion
    from syrupy.location import PyTestLocation

    from pytest_llmupgrade.plugin.syrupy_extension import LlmSnapshotExtension, recorded

    place = PyTestLocation(item)
    snapshot = SnapshotAssertion(
        session=item.config._syrupy,  # type: ignore[attr-defined]  # noqa: SLF001  what syrupy's fixture hands over
        extension_class=LlmSnapshotExtension,
        test_location=place,
        update_snapshots=bool(item.config.getoption("update_snapshots")),
    )
    _ = snapshot == (
        recorded(place, str(id(item.session))) if text is None else text
    )  # the comparison is what counts it


# --- what is said ----------------------------------------------------------------------------------


def told(faults: dict[str, list[str]], refused: list[str], renew: str) -> Iterator[str]:
    """Yield one line for all unusable snapshots, and one for all refused updates."""
    if faults:
        cases = dict.fromkeys(nodeid for nodeids in faults.values() for nodeid in nodeids)
        causes = "; ".join(f"{cause}: {', '.join(_names(nodeids))}" for cause, nodeids in faults.items())
        yield f"{len(cases)} without a usable snapshot: {causes}. Renew: {renew}"
    if refused:
        yield (
            f"{len(refused)} not updated, for they passed before and miss now: {', '.join(_names(refused))}. "
            "Accept: --llm-accept-regressions"
        )


def _names(nodeids: Iterable[str]) -> list[str]:
    from pytest_llmupgrade.wording import printable

    return [printable(nodeid) for nodeid in nodeids]


def command(config: pytest.Config) -> str:
    """Return the command that renews what is stale, and nothing else."""
    session = config.stash[SESSION]
    words = ["pytest", "--snapshot-update", f"--llm-models={','.join(session.options.models)}"]
    if session.options.judge_model:
        words.append(f"--llm-judge-model={session.options.judge_model}")
    return " ".join([*words, *(Path(path).as_posix() for path in config.getoption("file_or_dir"))])

"""From an item that ran to its snapshot: the guard against hidden regressions, and the way into syrupy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.plugin.keys import TRIAL

if TYPE_CHECKING:
    import pytest

    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.plugin.trial import Trial
    from pytest_llmupgrade.snapshots.book import Page
    from pytest_llmupgrade.snapshots.entry import Entry


class SnapshotRefused(LlmUpgradeError):  # noqa: N818  it names what happened
    """An update would replace an answer that passed by one that misses."""


def hand_over(item: pytest.Item, session: LlmSession, *, failed: bool) -> None:
    """Give syrupy what the item asked and was answered; SnapshotRefused where that would hide a regression."""
    __tracebackhide__ = True
    options = session.options.snapshots
    page = session.book.page if options.update or options.replay else None
    if page is None or not page.calls:
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
        from pytest_llmupgrade.snapshots.files import entry_text

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

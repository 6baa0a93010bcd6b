"""`rollout.yaml` as pytest items: one for each thing that must hold before the new arm gets more traffic.

They are no functions and have no fixtures, and ask no model: what they say is decided in `rollout/`.
"""

from __future__ import annotations

import os
import time
from fnmatch import fnmatch
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import FaultyFiles, LlmUpgradeError, UsageError
from pytest_llmupgrade.plugin.faulty import FaultyFileError
from pytest_llmupgrade.plugin.internals import skip_at_item
from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.rollout.base_revision import base_revision, rollout_at_base
from pytest_llmupgrade.rollout.change import Change
from pytest_llmupgrade.rollout.loading import load_rollout
from pytest_llmupgrade.rollout.places import is_url
from pytest_llmupgrade.rollout.review import Review, Surroundings
from pytest_llmupgrade.rollout.ruling import Ruling, placed, sentence
from pytest_llmupgrade.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_llmupgrade.model import ModelSpec
    from pytest_llmupgrade.rollout.base_revision import BaseRevision
    from pytest_llmupgrade.rollout.config import Rollout
    from pytest_llmupgrade.verdict import Rule


class RolloutFile(pytest.File):
    """A rollout file; what it holds is one change, `5->25`, or one step, `5`."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield the change with its items; FaultyFileError names all that is wrong in the file."""
        try:
            after = load_rollout(self.path, file=self.nodeid)
        except FaultyFiles as error:
            raise FaultyFileError(str(error)) from None
        change, base = self._change(after)
        yield RolloutChange.from_parent(self, name=change.label, change=change, base=base)

    def _change(self, after: Rollout) -> tuple[Change, Ruling | None]:
        """Return what changed since the base, and what there is to say of the base itself."""
        alone = Change(after=after, before=None, compared=False)
        try:
            base = base_revision(self.config.stash[SESSION].options.rollout.base, os.environ)
            return (alone, None) if base is None else self._since(base, after)
        except UsageError as error:
            return alone, Ruling(result="fail", words=f"base: {error}")

    def _since(self, base: BaseRevision, after: Rollout) -> tuple[Change, Ruling | None]:
        try:
            before = rollout_at_base(base, self.path, after, self._wanted)
        except FaultyFiles as error:
            words = f"base: {base.source} has a faulty file, which counts as none: {error.faults[0]}"
            return Change(after=after, before=None, compared=True), Ruling(result="noted", words=words)
        return Change(after=after, before=before, compared=True), None

    def _wanted(self, name: str) -> bool:
        patterns = self.config.stash[SESSION].options.rollout.files
        return any(fnmatch(name, pattern) for pattern in patterns)


class RolloutChange(pytest.Collector):
    """What a pull request does to a rollout, or the step that is in force."""

    def __init__(self, *, change: Change, base: Ruling | None, **node: Any) -> None:
        super().__init__(**node)
        self.change = change
        self._base = base

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each check."""
        names = (*(("base",) if self._base else ()), *self.change.item_names)
        for name in names:
            yield RolloutItem.from_parent(self, name=name)

    def ruling(self, name: str) -> Ruling:
        """Return what is to be said of one check; what cannot be read is said by it, too."""
        if name == "base" and self._base is not None:
            return self._base
        try:
            return self._review.ruling(name)
        except LlmUpgradeError as error:
            return Ruling(result="fail", words=f"{name}: {'; '.join(str(error).splitlines())}")
        except OSError as error:  # a decision may name a path that no disk takes
            return Ruling(result="fail", words=f"{name}: {shorten(str(error), 200)}")

    @cached_property
    def _review(self) -> Review:
        folder = self.config.invocation_params.dir
        records = self.config.stash[SESSION].options.rollout.records
        around = Surroundings(
            root=self.config.rootpath,
            spec_of=self._spec_of,
            rule=self._rule,
            now_ms=int(time.time() * 1000),
            records=tuple(each if is_url(each) else folder / each for each in records),
        )
        return Review(self.change, self.path, around)

    def _rule(self) -> Rule:
        """Return the rule of the project's verdicts, read as late."""
        return self.config.stash[SESSION].settings.gate.rule()

    def _spec_of(self, name: str) -> ModelSpec:
        """Return what the settings say of a model; they are read when a check asks."""
        return self.config.stash[SESSION].settings.spec(name)


class RolloutItem(pytest.Item):
    """One check; it fails, passes, or is skipped where something is missing that nothing hinges on yet."""

    parent: RolloutChange

    def runtest(self) -> None:
        """Ask for the ruling."""
        change, ruling = self.parent.change, self.parent.ruling(self.name)
        if ruling.result == "fail":
            pytest.fail(placed(change, ruling), pytrace=False)
        if ruling.result == "noted":
            skip_at_item(sentence(change, ruling))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the sentence; in pytest's summary, behind the item's name, what it adds to that name."""
        face: Any = super().repr_failure(excinfo, style)
        crash = getattr(face, "reprcrash", None)
        if crash is not None and isinstance(excinfo.value, pytest.fail.Exception):
            path, line, _ = self.reportinfo()
            crash.path, crash.lineno = str(path), line + 1
            crash.message = self.parent.ruling(self.name).words
        return face

    def rollout_place(self) -> tuple[str, int, str]:
        """Return file, line and the sentence of the check."""
        change = self.parent.change
        return change.after.file, change.line, sentence(change, self.parent.ruling(self.name))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the percentage stands."""
        change = self.parent.change
        return self.path, change.line - 1, f"{change.label}: {self.name}"

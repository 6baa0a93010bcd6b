"""A rollout file as a pull request leaves it: everything that its checks need, each read once and only when asked for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines import Notice, provider_at, shipped
from pytest_llmupgrade.deadlines.models import match_of
from pytest_llmupgrade.decisions.files import read_decision
from pytest_llmupgrade.decisions.suites import asked_suite, suite_of
from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.prompts import find_prompts, load_prompts
from pytest_llmupgrade.prompts.binding import told
from pytest_llmupgrade.rollout.change import Change, step_fault
from pytest_llmupgrade.rollout.ends import deadline_ruling
from pytest_llmupgrade.rollout.gate import evaluate
from pytest_llmupgrade.rollout.observing import Look, look
from pytest_llmupgrade.rollout.policy import sink_folder
from pytest_llmupgrade.rollout.proof import evidence_ruling, fingerprint_ruling
from pytest_llmupgrade.rollout.ruling import PASSED, Ruling, gate_ruling
from pytest_llmupgrade.rollout.stopped import stop_ruling
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.run.plan import request_for
from pytest_llmupgrade.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_llmupgrade.decisions.wire import Asked, DecisionFile, Suite
    from pytest_llmupgrade.model import ModelSpec
    from pytest_llmupgrade.prompts import Prompts
    from pytest_llmupgrade.rollout.config import ArmName
    from pytest_llmupgrade.rollout.findings import Reading
    from pytest_llmupgrade.rollout.places import Place
    from pytest_llmupgrade.verdict import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a review goes by beside the rollout file."""

    root: Path
    """The project's: eval files are named from there."""
    spec_of: Callable[[str], ModelSpec]
    """What the settings say of a model."""
    rule: Callable[[], Rule]
    """The verdict's, as `[tool.llmupgrade.gate]` has it."""
    now_ms: int
    records: tuple[Place, ...] = ()
    """Folders copied from production, or URLs, beside the sink."""


class Review:
    """The rulings on one rollout file, by the names of its items."""

    def __init__(self, change: Change, path: Path, around: Surroundings) -> None:
        self.change = change
        self._path, self._root, self._spec_of = path, around.root, around.spec_of
        self._rule, self._records, self._now_ms = around.rule, around.records, around.now_ms

    def ruling(self, name: str) -> Ruling:
        """Return the ruling on one item; LlmUpgradeError where what it needs cannot be read."""
        match name:
            case "step":
                return self._step()
            case "evidence":
                return evidence_ruling(self.change, self._decision, rule=self._rule, today=self._today)
            case "fingerprint":
                return fingerprint_ruling(
                    self.change,
                    self._decision,
                    prompt_now=self._prompt_now,
                    suite_now=self._suite_now,
                    asked_now=self._asked_now,
                )
            case "deadline":
                return deadline_ruling(self.change, dict(self._notices()), today=self._today)
            case "records":
                return self._gate(name)
            case _:
                return self._gate_once_read(name)

    # --- the rollout itself ------------------------------------------------------------------------

    def _step(self) -> Ruling:
        fault = step_fault(self.change)
        if fault is not None:
            return Ruling(result="fail", words=f"step: {fault}")
        meaning = self.change.new_meaning
        if meaning is not None and self._has_records:
            return Ruling(result="fail", words=f"step: {self.change.after.id} has records: {meaning}")
        if self.change.kind == "lower" or not self.change.after.percent:
            return PASSED
        stopped = stop_ruling(self.change, self._path, self._records)
        return self._harm_elsewhere() if stopped is PASSED else stopped

    def _harm_elsewhere(self) -> Ruling:
        """Return the ruling on harm that no item is for: another step's records may show it late."""
        try:
            found = [check for check in self._reading.of("harm") if check.name not in self.change.item_names]
        except UsageError:
            return PASSED  # the item `records` says so
        words = "; ".join(f"{check.name}: {check.words}" for check in found)
        return Ruling(result="fail", words=f"step: harm, {words}") if found else PASSED

    @property
    def _has_records(self) -> bool:
        """Whether anything was ever recorded under the rollout's id."""
        return any(key.rollout == self.change.after.id for key in self._looked.found.counts)

    def _gate_once_read(self, name: str) -> Ruling:
        """Return the ruling on a check; where no record can be read, one item says why, and it is not this one."""
        try:
            return self._gate(name)
        except UsageError:
            return Ruling(result="noted", words=f"{name}: the records cannot be read; see records")

    def _gate(self, name: str) -> Ruling:
        return gate_ruling(self.change, self._reading, name, now_ms=self._now_ms)

    @cached_property
    def _reading(self) -> Reading:
        """What the gate finds of the step that is left, or in force."""
        change = self.change
        percent = change.left if change.kind == "raise" else change.after.percent
        found = self._looked.found
        return evaluate(
            change.judged, found.counts, now_ms=self._now_ms, percent=percent, missing=found.missing
        )

    @cached_property
    def _looked(self) -> Look:
        _, *old = dict.fromkeys(sink_folder(version, self._path) for version in self.change.versions)
        left = (sink for sink in old if sink.is_dir())
        return look(self._path, now_ms=self._now_ms, records=(*self._records, *left))

    # --- the offline run ---------------------------------------------------------------------------

    @cached_property
    def _decision(self) -> DecisionFile | str:
        """The decision file, or why there is none."""
        name = self.change.after.evidence
        arms = self.change.after.arms
        if name is None:
            return "the file names no decision of an offline run; write evidence: decision.json"
        path = self._path.parent / name
        if not path.exists():
            return (
                f"there is no {name}; pytest --llm-models={arms['old'].model},{arms['new'].model} "
                f"--llm-decision={self._shown(path)} writes it"
            )
        try:
            return read_decision(path, shown=name)
        except FaultyFiles as error:
            return str(error)

    def _shown(self, path: Path) -> str:
        inside = path.is_relative_to(self._root)
        return (path.relative_to(self._root) if inside else path).as_posix()

    def _prompt_now(self, name: str, model: str) -> str:
        """Return the hash of what a model is told now; UsageError where no prompts.yaml of the suites has the prompt."""
        for prompts in self._prompts:
            if name in prompts.by_name:
                return prompts.version_for(name, model).sha256
        raise UsageError(f"there is no prompts.yaml any more that holds the prompt {name!r}")

    @cached_property
    def _prompts(self) -> tuple[Prompts, ...]:
        """The prompts files nearest to the suites of the decision, then that of the rollout."""
        decision = self._decision
        files = () if isinstance(decision, str) else decision.suites
        folders = [*((self._root / suite.file).parent for suite in files), self._path.parent]
        found = dict.fromkeys(find_prompts(folder, self._root) for folder in folders)
        return tuple(load_prompts(path, file=self._shown(path)) for path in found if path is not None)

    def _suite_now(self, file: str) -> Suite | str:
        path = self._root / file
        if not path.is_file():
            return f"{file} is gone"
        try:
            return suite_of(file, load_suite(path, file=file))
        except FaultyFiles as error:
            return str(error.faults[0])

    def _asked_now(self, file: str, asked: Asked) -> str:
        """Return the hash of what a model would be sent for an eval file's cases now."""
        path = self._root / file
        place = find_prompts(path.parent, self._root)
        prompts = None if place is None else load_prompts(place, file=self._shown(place))
        spec, column = self._spec_of(asked.model), Variant(model=asked.model, version=asked.version)
        cases = load_suite(path, file=file)
        return asked_suite(
            file, {case.id: request_for(told(case, prompts, column), spec) for case in cases}
        ).sha256

    # --- the models' ends --------------------------------------------------------------------------

    @property
    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self._now_ms / 1000, dt.UTC).date()

    def _notices(self) -> Iterator[tuple[ArmName, Notice]]:
        for name, arm in self.change.after.arms.items():
            spec = self._spec_of(arm.model)
            spec = replace(spec, base_url=arm.base_url) if arm.base_url else spec
            if spec.retires is None and spec.base_url is not None and provider_at(spec.base_url) is None:
                continue  # a gateway or a server of one's own keeps models that their makers shut down
            match = match_of(spec, shipped(), today=self._today)
            if match is not None:
                yield name, Notice(roles=(), match=match, today=self._today)

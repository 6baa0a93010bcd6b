"""`--llm-baseline`: a kept run's incumbent beside this run's models, without asking it again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import Fault, UsageError
from pytest_llmupgrade.fingerprints import case_fingerprint
from pytest_llmupgrade.kept.joining import Column, fingerprints
from pytest_llmupgrade.kept.places import find_run
from pytest_llmupgrade.kept.reading import read_run
from pytest_llmupgrade.kept.refusals import judge_reasons, shard_reasons
from pytest_llmupgrade.kept.standing_in import shown_as
from pytest_llmupgrade.plugin.kept import runs_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pytest

    from pytest_llmupgrade.kept.reading import KeptRun
    from pytest_llmupgrade.model import Case, Outcome
    from pytest_llmupgrade.plugin.session import LlmSession


@dataclass(frozen=True)
class Baseline:
    """A kept run that stands in for the incumbent."""

    run: KeptRun

    @property
    def model(self) -> str:
        """The kept run's incumbent."""
        return self.run.head.models[0]

    @property
    def shown(self) -> str:
        """The incumbent's name in reports."""
        return shown_as(self.model)

    @property
    def described(self) -> str:
        """Who it is, and of when."""
        return f"{self.shown}, kept {self.run.head.created}"

    @cached_property
    def outcomes(self) -> Mapping[str, Outcome]:
        """How the incumbent fared on each case, by `FILE::ID`."""
        return {row.case_id: row.outcome for row in self.run.rows.values() if row.model == self.model}

    @cached_property
    def _fingerprints(self) -> Mapping[str, str]:
        return fingerprints(self.run)

    def column(self, session: LlmSession) -> Column:
        """Return the incumbent's column, cut to the cases that this run selected."""
        recorded = {row.case_id for row in session.journal.rows.values()}
        pending = {nodeid.rpartition("[")[0] for nodeid in session.planned_ids}
        return Column(run=self.run, model=self.model, shown=self.shown, cases=recorded | pending)

    def faults(self, cases: Iterable[Case]) -> Iterator[Fault]:
        """Yield a fault for each case that asks or wants something else than it did in the kept run."""
        for case in cases:
            kept = self._fingerprints.get(case.key)
            if kept is not None and kept != case_fingerprint(case):
                yield Fault(
                    case.file,
                    case.line,
                    f"case {case.id!r}: asks or wants something else than in the baseline {self.run.shown}; "
                    "run the baseline's model on it again, or leave --llm-baseline out",
                )


def load(config: pytest.Config, session: LlmSession, name: str) -> Baseline:
    """Return the baseline of that name; LlmUpgradeError where it cannot stand in."""
    path = config.invocation_params.dir / name
    run = read_run(path if path.is_file() else find_run(name, runs_folder(config)), shown=name)
    check(run, session)
    return Baseline(run)


def check(run: KeptRun, session: LlmSession) -> None:
    """Raise UsageError with every reason against a baseline."""
    from pytest_llmupgrade.judges.identity import judge_identity

    judge = judge_identity(session.judge_settings) if session.judge_settings else None
    reasons = [*shard_reasons(run), *judge_reasons(run.head.judge if run.judge_asked else None, judge)]
    if reasons:
        raise UsageError("\n".join(f"--llm-baseline={run.shown}: {reason}" for reason in reasons))

"""`llmupgrade cases --snapshot-model MODEL`: where the logged answers are kept, and what that came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines.retired import gone_models
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.logs.recording import is_of, recorded
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.settings import load_settings, parse_models
from pytest_llmupgrade.snapshots.files import read_entries, snapshot_path, split_text, write_texts
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_llmupgrade.logs.exchange import Call, Exchange
    from pytest_llmupgrade.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A snapshot file of a suite that is about to be written."""

    spec: ModelSpec
    suite: Path
    path: Path
    before: Mapping[str, str]
    """The texts of the cases that it has."""

    @property
    def of(self) -> Callable[[Call], bool]:
        """What tells whether a call was this model's, by the project's name for it or by its own."""
        return lambda call: is_of(call, self.spec.wire_name) or is_of(call, self.spec.name)

    def written(self, answers: Mapping[int, Exchange]) -> Iterator[str]:
        """Write the answers to the suite's questions, and yield what to say of it."""
        cases = load_suite(self.suite, file=str(self.suite))
        new = recorded(cases, answers, self.spec, self.before)
        if new:
            try:
                write_texts(self.path, {**self.before, **new})
            except OSError as error:
                raise UsageError(f"{self.path}: not written: {error.strerror}") from None
        yield f"{self.path}: {plural(len(new), 'answer')} of {self.spec.name} recorded"
        without = sum(case.id not in new and case.id not in self.before for case in cases)
        if without:
            yield f"  {plural(without, 'case')} of the file without an answer in these logs"
        if not gone_models([self.spec]):
            yield (
                f"  {self.spec.name} is still served: --llm-replay takes its answers from here, and so does "
                f'replay = true in [tool.llmupgrade.models."{self.spec.name}"]'
            )


def recording(model: str, suite: Path, *, update: bool, force: bool) -> Recording:
    """Return what is to be recorded; UsageError or FaultyFiles where the name or the file stands in the way."""
    names = parse_models(model)
    if len(names) != 1:
        raise UsageError(f"--snapshot-model {model}: name the one model that answered")
    spec = load_settings(Path("pyproject.toml")).spec(names[0])
    path = snapshot_path(suite, spec.name)
    before: dict[str, str] = {}
    if path.exists() and update:
        data = path.read_bytes()
        read_entries(data, str(path))
        before = split_text(data.decode())
    elif path.exists() and not force:
        raise UsageError(f"{path}: is there already; --update adds to it, --force replaces it")
    return Recording(spec=spec, suite=suite, path=path, before=before)

"""`llmupgrade calibrate`: asks the judge about answers that people have labelled, and says how far it agrees."""

from __future__ import annotations

import datetime as dt
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.calibration.labels import read_labels
from pytest_llmupgrade.calibration.record import ENOUGH, FILE, Calibration, figures, keep_calibration
from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.settings import EngineSettings
from pytest_llmupgrade.errors import LlmUpgradeError, UsageError
from pytest_llmupgrade.judges.identity import judge_identity
from pytest_llmupgrade.judges.llm import JudgeSettings, LlmJudge
from pytest_llmupgrade.providers.adapting import AdaptingProvider
from pytest_llmupgrade.providers.openai_chat import OpenAIProvider, missing_key
from pytest_llmupgrade.settings import load_settings
from pytest_llmupgrade.store import Store
from pytest_llmupgrade.wording import interval, plural, printable, share, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_llmupgrade.calibration.labels import Pair
    from pytest_llmupgrade.model import ModelSpec

_STORE = Path(".pytest_cache/d/llmupgrade/answers.sqlite3")
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A labelled answer and what the judge says of it."""

    pair: Pair
    passed: bool | None
    """None: the judge brought no verdict."""
    reason: str


def run(labels: Path, *, model: str | None, root: Path, keep: bool, say: Callable[[str], None]) -> int:
    """Judge every pair, print the figures and the disagreements, and keep them; UsageError where it cannot begin."""
    settings = _settings(model, root)
    pairs = read_labels(labels, shown_as=str(labels))
    judged = list(judge_all(pairs, settings))
    calibration = _calibration(judged, settings, labels)
    for line in lines(calibration, judged):
        say(line)
    if keep and calibration.table.labelled:
        try:
            keep_calibration(root / FILE, calibration)
        except OSError as error:
            raise UsageError(f"{root / FILE}: cannot be written: {error.strerror}") from None
        say(f"kept in {FILE}; reports of runs with this judge quote it")
    return 0 if calibration.table.labelled else 1


def _settings(model: str | None, root: Path) -> JudgeSettings:
    settings = load_settings(root / "pyproject.toml")
    name = model or settings.judge.model
    if name is None:
        raise UsageError(
            "calibrate needs a judge: --judge-model=MODEL, or model = ... in [tool.llmupgrade.judge]"
        )
    spec = settings.spec(name)
    if not spec.base_url and not name.startswith("local/"):
        # as a run does: the server is part of which judge it is
        spec = replace(spec, base_url=os.environ.get("OPENAI_BASE_URL") or None)
    if lacking := None if name.startswith("local/") else missing_key(spec):
        raise UsageError(lacking)
    table = settings.judge
    return JudgeSettings(model=spec, prompt=table.prompt, votes=table.votes, structured=table.structured)


def judge_all(pairs: Iterable[Pair], settings: JudgeSettings) -> Iterator[Judged]:
    """Yield each pair judged, in order; all calls go side by side, each is stored and made once."""
    from pytest_llmupgrade.providers.local.serve import LocalServer

    spec = settings.model
    local = spec.name.startswith("local/") and not spec.base_url
    server = LocalServer.start([spec]) if local else None
    served: ModelSpec = (
        replace(spec, base_url=server.urls[spec.name], concurrency=1) if server is not None else spec
    )
    store = Store.open(_STORE)
    engine = Engine(AdaptingProvider(OpenAIProvider()), {spec.name: served}, store, EngineSettings())
    try:
        judge = LlmJudge(settings, engine.complete)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from pool.map(partial(_one, judge), pairs)
    finally:
        engine.close()
        store.close()
        if server is not None:
            server.stop()


def _one(judge: LlmJudge, pair: Pair) -> Judged:
    try:
        verdict = judge(pair.completion, pair.case, pair.case.expected, criteria=pair.criteria)
    except LlmUpgradeError as error:
        return Judged(pair=pair, passed=None, reason=str(error))
    return Judged(pair=pair, passed=verdict.passed, reason=verdict.reason)


def _calibration(judged: Iterable[Judged], settings: JudgeSettings, labels: Path) -> Calibration:
    cells = [(one.pair.human, one.passed) for one in judged]
    return Calibration(
        judge=judge_identity(settings),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        labels=labels.name,
        both_passed=cells.count((True, True)),
        only_judge_passed=cells.count((False, True)),
        only_human_passed=cells.count((True, False)),
        both_missed=cells.count((False, False)),
        undecided=sum(passed is None for _, passed in cells),
    )


def lines(calibration: Calibration, judged: Iterable[Judged]) -> Iterator[str]:
    """Yield the figures, and every answer on which judge and person disagree."""
    known, table = figures(calibration), calibration.table
    yield f"judge {calibration.judge.model}: {plural(table.labelled, 'labelled answer')} judged"
    kappa = known["kappa"]
    yield (
        f"  kappa        {kappa.estimate:.3f} [{kappa.low:.3f}, {kappa.high:.3f}]"
        if kappa
        else "  kappa        unknown: people or judge gave one label only"
    )
    for name, words in (("sensitivity", "of what people pass"), ("specificity", "of what people fail")):
        value = known[name]
        if value is not None:
            yield f"  {name}  {share(value.estimate)} {interval(value.low, value.high)} {words}, the judge says the same"
    yield f"  too kind {table.only_judge_passed} · too strict {table.only_human_passed} · no verdict {calibration.undecided}"
    if table.labelled:
        judge, people = (
            table.both_passed + table.only_judge_passed,
            table.both_passed + table.only_human_passed,
        )
        passes = f"the judge passes {share(judge / table.labelled)}, people {share(people / table.labelled)}"
        yield f"  {passes}; reports correct its accuracies by that"
    if table.labelled < ENOUGH:
        yield f"  {ENOUGH} or more labelled answers make these figures narrower"
    for one in judged:
        if one.passed is not one.pair.human:
            said = {True: "pass", False: "fail", None: "no verdict"}
            case = one.pair.case
            head = f"{case.file}:{case.line}: {printable(case.id)}: human {said[one.pair.human]}, judge {said[one.passed]}"
            yield f"{head}: {shorten(printable(one.reason.partition(chr(10))[0]), 160)}"

"""Why two runs cannot be compared, in words: figures of unlike runs mislead whoever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.judges.identity import judge_differences
from pytest_llmupgrade.kept.joining import fingerprints
from pytest_llmupgrade.wording import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_llmupgrade.judges.identity import JudgeIdentity
    from pytest_llmupgrade.kept.reading import KeptRun

_NAMED = 5


class Incomparable(UsageError):  # noqa: N818  it names what is at fault
    """Two runs that differ in more than the model."""

    def __init__(self, old: str, new: str, reasons: Iterable[str]) -> None:
        super().__init__(
            "\n".join([f"{old} and {new} cannot be compared:", *(f"  - {reason}" for reason in reasons)])
        )


def check_comparable(old: KeptRun, new: KeptRun, *, common: bool) -> None:
    """Raise Incomparable with every reason against comparing two runs; `common` allows for cases of one alone."""
    reasons = [
        *shard_reasons(old, new),
        *judge_reasons(
            old.head.judge if old.judge_asked else None, new.head.judge if new.judge_asked else None
        ),
        *case_reasons(fingerprints(old), fingerprints(new), old.shown, new.shown, common=common),
    ]
    if reasons:
        raise Incomparable(old.shown, new.shown, reasons)


def shard_reasons(*runs: KeptRun) -> Iterator[str]:
    """Yield a reason for each run that is only a part."""
    for run in runs:
        if run.head.shard is not None:
            yield f"{run.shown} is shard {run.head.shard} of a run; join the shards first: llmupgrade merge"


def judge_reasons(old: JudgeIdentity | None, new: JudgeIdentity | None) -> Iterator[str]:
    """Yield what the judges differ in; None is a run in which `llm_judge` judged nothing."""
    if old is not None and new is not None:
        yield from judge_differences(old, new)


def case_reasons(
    old: Mapping[str, str], new: Mapping[str, str], old_name: str, new_name: str, *, common: bool
) -> Iterator[str]:
    """Yield what the suites differ in: cases that ask or want something else, and cases of one run alone."""
    shared = [case for case in old if case in new]
    if not shared:
        yield "another suite: they share no case"
        return
    changed = [case for case in shared if old[case] != new[case]]
    if changed:
        yield f"{plural(len(changed), 'case')} {'asks or wants' if len(changed) == 1 else 'ask or want'} something else now: {listed(changed)}"
    for here, there, name in ((old, new, old_name), (new, old, new_name)):
        alone = [case for case in here if case not in there]
        if alone and not common:
            yield (
                f"{plural(len(alone), 'case')} only in {name}: {listed(alone)}; "
                "--common compares the cases of both"
            )


def listed(names: Iterable[str]) -> str:
    """Return the first few names, and how many more there are."""
    every = [printable(name) for name in names]
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more

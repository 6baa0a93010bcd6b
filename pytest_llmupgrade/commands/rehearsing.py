"""Built-in judges called on a made-up answer, so that options that cannot be meant are told before anything is paid."""

from __future__ import annotations

from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import Fault, JudgeError
from pytest_llmupgrade.model import Completion, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_llmupgrade.model import Case, Json, Judge, JudgeSpec, Verdict

_ANSWER = Completion(text="", usage=Usage(input_tokens=1, output_tokens=1), latency_ms=1.0)


def judge_faults(cases: Iterable[Case], is_ours: Callable[[str], bool]) -> Iterator[Fault]:
    """Yield a fault for each place where a built-in judge is told what it does not take; a file's default is one place.

    `is_ours` says of a judge's name whether it means the built-in one, as another fixture may have taken it.
    """
    places: dict[tuple[str, int, str], list[str]] = {}
    for case in cases:
        for spec in case.judges:
            said = _fault(case, spec) if is_ours(spec.name) else None
            if said is not None:  # without options it is the case's `expected` that is wrong, or missing
                places.setdefault((case.file, spec.line if spec.options else case.line, said), []).append(
                    case.id
                )
    for (file, line, said), ids in places.items():
        others = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        yield Fault(file, line, f"case {ids[0]!r}{others}: {said}")


def _fault(case: Case, spec: JudgeSpec) -> str | None:
    from pytest_llmupgrade.run.judge import judge_completion

    judge = _rehearsed().get(spec.name.removeprefix("judge_"))
    if judge is None:
        return None
    try:
        judge_completion(_ANSWER, case, [(spec, judge)])
    except JudgeError as error:
        return str(error)
    return None


@cache
def _rehearsed() -> Mapping[str, Judge]:
    """Return the built-in judges as they can be called without a project, a price, a snapshot or a model."""
    from pytest_llmupgrade.judges.limits import max_cost
    from pytest_llmupgrade.judges.table import BUILT_IN

    def costing(completion: Completion, case: Case, expected: Json = None) -> Verdict:
        return partial(max_cost, cost_usd=Decimal(0))(completion, case, expected)

    return {
        **BUILT_IN,
        "max_cost": costing,
        "pydantic": _pydantic,
        "snapshot": _snapshot,
        "llm_judge": _llm_judge,
    }


def _pydantic(completion: Completion, case: Case, *, model: str, fenced: bool = False) -> bool:  # noqa: ARG001
    return True  # the model's module can be imported only where the tests run


def _snapshot(completion: Completion, case: Case) -> bool:  # noqa: ARG001
    return True


def _llm_judge(
    completion: Completion,  # noqa: ARG001
    case: Case,  # noqa: ARG001
    expected: Json = None,  # noqa: ARG001
    *,
    criteria: Json = None,
) -> bool:
    if criteria is not None and not isinstance(criteria, str):
        from pytest_llmupgrade.judges.values import shown

        raise JudgeError(f"judge 'llm_judge': criteria is a text, not {shown(criteria)}")
    return True

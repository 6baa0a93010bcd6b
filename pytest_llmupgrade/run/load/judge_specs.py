"""The forms in which a case names its judges: a name, {name: options}, {not: judge}, or a list of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.model import JudgeSpec
from pytest_llmupgrade.run.load.words import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Complain = Callable[[int, str], None]


def judge_specs(value: Any, line: int, complain: Complain) -> tuple[JudgeSpec, ...]:
    """Return the judges of one `judge:` value; what is wrong goes to `complain(line, message)`."""
    return tuple(_all(value, line, complain))


def _all(value: Any, line: int, complain: Complain) -> Iterator[JudgeSpec]:
    if isinstance(value, list):
        lines = getattr(value, "lines", [line] * len(value))
        for item, item_line in zip(value, lines, strict=True):
            yield from _one(item, item_line, complain)
        if not value:
            complain(line, "judge: the list is empty; name at least one judge")
    else:
        yield from _one(value, line, complain)


def _one(value: Any, line: int, complain: Complain, *, negated: bool = False) -> Iterator[JudgeSpec]:
    if isinstance(value, str) and value:
        yield JudgeSpec(name=value, negated=negated, line=line)
    elif isinstance(value, dict) and len(value) == 1:
        name, options = next(iter(value.items()))
        if name == "not":
            yield from _one(options, line, complain, negated=not negated)
        else:
            yield JudgeSpec(name=name, options=_options(options), negated=negated, line=line)
    elif isinstance(value, dict):
        complain(
            line, f"judge: {shown(value)} names {len(value)} judges; write a list with one judge in each item"
        )
    else:
        complain(
            line, f"judge must be a name, {{name: options}}, {{not: judge}} or a list, not {shown(value)}"
        )


def _options(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return {} if value is None else {"expected": value}

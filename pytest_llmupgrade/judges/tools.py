"""A judge of tool calls: which, with what arguments, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.expectation import value_for
from pytest_llmupgrade.judges.schema import Schema, schema_for
from pytest_llmupgrade.judges.values import NotJson, is_list, json_equal, parse_json, quoted, shown
from pytest_llmupgrade.judges.verdicts import hit, miss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.model import Case, Completion, Json, ToolCall, Verdict

_KEYS = ("name", "arguments", "arguments_schema")
_EXAMPLE = "[{name: TOOL, arguments: {KEY: VALUE}}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A tool call as a case expects it."""

    name: str
    arguments: Mapping[str, Json] | None
    """None: any arguments will do, as long as they are JSON."""
    schema: Schema | None
    exact: bool

    def fault(self, call: ToolCall) -> str | None:
        """Return why a call is not the wanted one, None if it is."""
        if call.name != self.name:
            return f"tool {quoted(call.name)} was called instead of {quoted(self.name)}"
        fault = self._argument_fault(parse_json(call.arguments.strip() or "{}"))
        return f"{self.name}: {fault}" if fault else None

    def _argument_fault(self, given: Json | NotJson) -> str | None:
        if isinstance(given, NotJson):
            return f"the arguments are not JSON: {given.reason}"
        if not isinstance(given, Mapping):
            return f"the arguments are no JSON object, but {shown(given)}"
        if self.schema is not None:
            return next((f"arguments {fault}" for fault in self.schema.faults(given)), None)
        return next(_differences(self.arguments or {}, given, "", exact=self.exact), None)


def tool_calls(  # noqa: PLR0913  they are what a case may write
    completion: Completion,
    case: Case,
    expected: Json = None,
    *,
    order: str = "strict",
    exact: bool = False,
    extra: bool = False,
) -> Verdict:
    """Pass where the model called the expected tools: in this `order` (or 'any'), no `extra` ones, arguments at least (`exact`: just) these."""
    if order not in ("strict", "any"):
        raise JudgeError(f"judge 'tool_calls': order is 'strict' or 'any', not {shown(order)}")
    wanted = _wanted(value_for("tool_calls", expected, case, _EXAMPLE), exact=exact)
    calls = completion.tool_calls
    fits = [[want.fault(call) is None for call in calls] for want in wanted]
    matched = _match(fits, len(calls))
    for index, want in enumerate(wanted):
        if index not in matched.values():
            return miss(_why_unmatched(want, calls, matched))
    if not extra and len(calls) > len(wanted):
        names = ", ".join(quoted(call.name) for at, call in enumerate(calls) if at not in matched)
        return miss(f"called in addition: {names}")
    if order == "strict" and not _in_order(fits, len(calls)):
        return miss(
            f"called in another order: {_names(calls)} instead of {', '.join(want.name for want in wanted)}"
        )
    return hit(f"called as expected: {_names(calls)}" if calls else "no tool was called, as expected")


def _wanted(value: Json, *, exact: bool) -> tuple[Wanted, ...]:
    if not is_list(value):
        raise JudgeError(
            f"judge 'tool_calls' takes a list, not {shown(value)}: write `tool_calls: {_EXAMPLE}`"
        )
    return tuple(_wanted_one(entry, exact=exact) for entry in value)


def _wanted_one(entry: Json, *, exact: bool) -> Wanted:
    if isinstance(entry, str):
        return Wanted(name=entry, arguments=None, schema=None, exact=False)
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise JudgeError(f"judge 'tool_calls': {shown(entry)} names no tool: write `{_EXAMPLE}`")
    for key in entry:
        if key not in _KEYS:
            raise JudgeError(f"judge 'tool_calls': unknown key {shown(key)}; an entry has {', '.join(_KEYS)}")
    arguments, schema = entry.get("arguments"), entry.get("arguments_schema")
    if arguments is not None and (schema is not None or not isinstance(arguments, Mapping)):
        raise JudgeError(
            f"judge 'tool_calls': {entry['name']} takes `arguments`, a mapping, or `arguments_schema`, not both"
        )
    return Wanted(
        name=str(entry["name"]),
        arguments=arguments if isinstance(arguments, Mapping) else None,
        schema=None if schema is None else schema_for("tool_calls", schema),
        exact=exact and arguments is not None,
    )


def _differences(wanted: Json, given: Json, path: str, *, exact: bool) -> Iterator[str]:
    """Yield what of the wanted value is missing or different; more keys are fine unless `exact`."""
    if isinstance(wanted, Mapping) and isinstance(given, Mapping):
        for key, value in wanted.items():
            inner = f"{path}.{key}" if path else str(key)
            if key in given:
                yield from _differences(value, given[key], inner, exact=exact)
            else:
                yield f"argument {inner} is missing, expected {shown(value)}"
        for key in given if exact else ():
            if key not in wanted:
                yield f"argument {quoted(f'{path}.{key}' if path else key)} is not expected"
    elif is_list(wanted) and is_list(given) and len(wanted) == len(given):
        for index, (left, right) in enumerate(zip(wanted, given, strict=True)):
            yield from _differences(left, right, f"{path}[{index}]", exact=exact)
    elif not json_equal(wanted, given):
        yield f"argument {path}: expected {shown(wanted)}, got {shown(given)}"


# --- matching --------------------------------------------------------------------------------------


def _match(fits: Sequence[Sequence[bool]], calls: int) -> dict[int, int]:
    """Return, by call, the wanted one it is matched to; as many pairs as there can be (augmenting paths)."""
    taken: dict[int, int] = {}
    for wanted in range(len(fits)):
        _augment(wanted, fits, range(calls), taken, set())
    return taken


def _augment(
    wanted: int, fits: Sequence[Sequence[bool]], calls: range, taken: dict[int, int], seen: set[int]
) -> bool:
    for call in calls:
        if fits[wanted][call] and call not in seen:
            seen.add(call)
            if call not in taken or _augment(taken[call], fits, calls, taken, seen):
                taken[call] = wanted
                return True
    return False


def _in_order(fits: Sequence[Sequence[bool]], calls: int) -> bool:
    """Tell whether the wanted calls appear one after the other, others allowed in between."""
    position = 0
    for row in fits:
        position = next((at for at in range(position, calls) if row[at]), calls) + 1
    return position <= calls


def _why_unmatched(want: Wanted, calls: Sequence[ToolCall], matched: Mapping[int, int]) -> str:
    named = [call for at, call in enumerate(calls) if call.name == want.name and at not in matched]
    for call in named:
        if fault := want.fault(call):
            return fault
    times = " once more" if any(call.name == want.name for call in calls) else ""
    return f"tool {quoted(want.name)} was not called{times}; called: {_names(calls) or 'nothing'}"


def _names(calls: Sequence[ToolCall]) -> str:
    return ", ".join(quoted(call.name)[1:-1] for call in calls)

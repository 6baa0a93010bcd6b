"""Judges of answers that a program reads: JSON by schema, JSON in prose, the application's own model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.schema import listed, schema_for
from pytest_llmupgrade.judges.values import NotJson, parse_answer, shown, unfenced
from pytest_llmupgrade.judges.verdicts import hit, miss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import TypeAdapter, ValidationError

    from pytest_llmupgrade.model import Case, Completion, Json, Verdict

_STARTS = 1000
"""Brackets at which a JSON value is looked for: a million of them are an attack, not an answer."""


def json_schema(
    completion: Completion, case: Case, expected: Json = None, *, schema: Json = None, fenced: bool = False
) -> Verdict:
    """Pass where the answer is JSON that fits a schema: `schema`, else the case's response_format, else its expected."""
    checked = schema_for("json_schema", _schema_of(case, expected, schema))
    answer = parse_answer(completion.text, fenced=fenced)
    if isinstance(answer, NotJson):
        return miss(f"the answer is not JSON: {answer.reason}")
    faults = checked.faults(answer)
    return miss(listed(faults)) if faults else hit("the answer fits the schema")


def contains_json(completion: Completion, case: Case, *, schema: Json = None) -> Verdict:  # noqa: ARG001  every judge takes the case
    """Pass where a JSON object or array stands somewhere in the answer, one that fits `schema` if there is one."""
    checked = None if schema is None else schema_for("contains_json", schema)
    nearest: tuple[str, ...] = ()
    for value in json_values(completion.text):
        faults = checked.faults(value) if checked else ()
        if not faults:
            return hit(f"the answer contains {shown(value)}")
        nearest = nearest or faults
    if nearest:
        return miss(f"no JSON in the answer fits the schema:\n{listed(nearest)}")
    return miss("no JSON object or array is in the answer")


def pydantic(completion: Completion, case: Case, *, model: str, fenced: bool = False) -> Verdict:  # noqa: ARG001  every judge takes the case
    """Pass where the answer parses as the project's own pydantic model, named `package.module:Class`."""
    from pydantic import ValidationError

    adapter = _adapter(model)
    try:
        adapter.validate_json(unfenced(completion.text) if fenced else completion.text)
    except ValidationError as error:
        return miss(listed(_pydantic_faults(error)))
    return hit(f"the answer parses as {model}")


def json_values(text: str) -> Iterator[Json]:
    """Yield the JSON objects and arrays that stand in a text, from left to right, none inside another."""
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(_STARTS):
        position = _next_bracket(text, position)
        if position < 0:
            return
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
        else:
            yield value


def _next_bracket(text: str, start: int) -> int:
    found = [at for at in (text.find("{", start), text.find("[", start)) if at >= 0]
    return min(found, default=-1)


def _schema_of(case: Case, expected: Json, schema: Json) -> Json:
    for candidate in (schema, expected, _response_schema(case), case.expected):
        if isinstance(candidate, Mapping):
            return candidate
        if candidate is not None and candidate is not case.expected:
            raise JudgeError(f"judge 'json_schema' takes a schema, a mapping, not {shown(candidate)}")
    raise JudgeError(
        "judge 'json_schema' has no schema: write `json_schema: {schema: {...}}`, or give the case a "
        "`response_format` of type json_schema"
    )


def _response_schema(case: Case) -> Json:
    wrapper = (case.response_format or {}).get("json_schema")
    return wrapper.get("schema") if isinstance(wrapper, Mapping) else None


def _adapter(name: str) -> TypeAdapter[object]:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    target = _import(name)
    try:
        return TypeAdapter(target)
    except PydanticUserError as error:
        raise JudgeError(f"judge 'pydantic': {name} is no model: {error.message}") from None


def _import(name: object) -> type[object]:
    from importlib import import_module

    module, colon, path = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not (module and colon and path) or module.startswith("."):
        raise JudgeError(f"judge 'pydantic': model is written 'package.module:Class', not {shown(name)}")
    try:
        target: Any = import_module(module)
        for part in path.split("."):
            target = getattr(target, part)
    except (ImportError, AttributeError) as error:
        raise JudgeError(
            f"judge 'pydantic': cannot import {name}: {error}; the module must be importable from the tests "
            "(pytest's `pythonpath` setting)"
        ) from error
    if not isinstance(target, type):
        raise JudgeError(f"judge 'pydantic': {name} is no class, but {shown(target)}")
    return target


def _pydantic_faults(error: ValidationError) -> tuple[str, ...]:
    return tuple(
        f"{_path(fault['loc'])}: {fault['msg']}, got {shown(fault['input'])}"
        for fault in error.errors(include_url=False, include_context=False)
    )


def _path(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"${''.join(parts)}"

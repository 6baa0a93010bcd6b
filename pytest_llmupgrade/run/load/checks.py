"""What can be known of a case before it runs: schemas that are none, patterns that do not compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_llmupgrade.parameters import param_faults
from pytest_llmupgrade.run.load.words import shown
from pytest_llmupgrade.run.repeats import EXAMPLES, pass_rule
from pytest_llmupgrade.wording import nearest, one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.model import JudgeSpec
    from pytest_llmupgrade.run.load.wire import CaseWire, Shared


_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""Of Chat Completions and the Responses API together."""


class Problem(NamedTuple):
    """What is wrong with one key."""

    at: tuple[int | str, ...]
    """The keys that lead to it, for its line."""
    message: str


def shared(wire: Shared) -> Iterator[Problem]:
    """Yield what is wrong in a file's or a case's parameters, tools and response format."""
    if wire.pass_when is not None and pass_rule(wire.pass_when) is None:
        yield Problem(("pass_when",), f"pass_when: {shown(wire.pass_when)} is no rule; write {EXAMPLES}")
    for key, message in param_faults(wire.params):
        yield Problem(("params", key), message)
    for index, tool in enumerate(wire.tools):
        function = tool.get("function")
        if tool.get("type") != "function" or not isinstance(function, dict) or "name" not in function:
            yield Problem(
                ("tools",),
                f"tools[{index}] is no tool; write {{type: function, function: {{name: ..., parameters: ...}}}}",
            )
        elif (fault := schema_fault(function.get("parameters", {}))) is not None:
            yield Problem(("tools",), f"tools[{index}].function.parameters is no JSON Schema: {fault}")
    declared = (wire.response_format or {}).get("json_schema")
    if isinstance(declared, dict) and (fault := schema_fault(declared.get("schema", {}))) is not None:
        yield Problem(("response_format",), f"response_format.json_schema.schema is no JSON Schema: {fault}")


def roles(wire: CaseWire) -> Iterator[Problem]:
    """Yield the messages without a role, or with one that neither API knows; a placeholder may stand for one."""
    for index, message in enumerate(wire.messages or ()):
        role = message.get("role")
        if not isinstance(role, str):
            yield Problem(("messages", index), "a message lacks 'role', such as role: user")
        elif role not in _ROLES and "{{" not in role:
            hint = nearest(role, _ROLES) or f"Known: {', '.join(_ROLES)}"
            yield Problem(("messages", index, "role"), f"no API knows the role {shown(role)}. {hint}")


def judge(spec: JudgeSpec) -> Iterator[str]:
    """Yield what is wrong with the options of a built-in judge."""
    if spec.name == "regex":
        pattern = spec.options.get("expected", spec.options.get("pattern"))
        if isinstance(pattern, str) and (fault := pattern_fault(pattern)) is not None:
            yield f"regex: {shown(pattern)} is no regular expression: {fault}"
    if spec.name in ("json_schema", "contains_json") and "schema" in spec.options:
        fault = schema_fault(spec.options["schema"])
        if fault is not None:
            yield f"{spec.name}: schema is no JSON Schema: {fault}"


def pattern_fault(pattern: str) -> str | None:
    """Return why a pattern does not compile, None if it does."""
    import regex

    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        return one_line(str(error))
    return None


def schema_fault(schema: Any) -> str | None:
    """Return why a value is no JSON Schema (Draft 2020-12), None if it is one."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.json_path}: {shorten(one_line(error.message), 160)}"
    return None

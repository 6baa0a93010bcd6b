"""The format of an eval file as strict models: parsed once at the edge, never handed on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

_JUDGE_NAME = {"type": "string", "description": "a judge: the fixture judge_NAME, or NAME as it stands"}
_JUDGE_MAPPING = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "description": "{name: options}, or {not: judge}; options that are no mapping are what is expected",
}
_ONE_JUDGE = {"anyOf": [_JUDGE_NAME, _JUDGE_MAPPING]}
JudgeField = Annotated[
    Any, WithJsonSchema({"anyOf": [_JUDGE_NAME, _JUDGE_MAPPING, {"type": "array", "items": _ONE_JUDGE}]})
]
_RULE = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {"skip": {"type": "string"}, "xfail": {"type": "string"}},
}
RulesField = Annotated[Any, WithJsonSchema({"type": "object", "additionalProperties": _RULE})]
PassWhenField = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["all", "any", "majority"]},
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "description": "their share"},
            ]
        }
    ),
]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Message = dict[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Shared(_Strict):
    """Keys that a file may set for all its cases."""

    prompt: str | None = Field(None, description="a name in prompts.yaml: the system prompt, by model")
    params: dict[str, Any] = Field({}, description="request parameters such as temperature; a case's win")
    judge: JudgeField = Field(None, description="what decides; a case's replaces the file's")
    category: str | None = Field(None, description="a group of the report, and a marker for -m")
    difficulty: str | None = Field(None, description="a group of the report, and a marker for -m")
    tags: list[str] = Field([], description="markers for -m; a file's and a case's add up")
    vars: dict[str, Any] = Field({}, description="values of {{ placeholders }} in input and messages")
    tools: list[dict[str, Any]] = Field([], description="OpenAI tool definitions")
    response_format: dict[str, Any] | None = Field(None, description="as the API takes it")
    models: RulesField = Field({}, description="by model glob: skip or xfail, with the reason")
    repeat: int | None = Field(None, ge=1, le=1000, description="completions per case and model")
    pass_when: PassWhenField = Field(
        None, description="which of a case's completions must pass; default: all"
    )


class CaseWire(Shared):
    """One case."""

    id: str = Field(description="unique in the file; part of the item's id")
    input: str | None = Field(None, description="the user's message; or write messages")
    messages: list[Message] | None = Field(None, min_length=1, description="chat messages; or write input")
    expected: Any = Field(None, description="what the judges compare with")
    weight: Positive = Field(1.0, description="how many production requests the case stands for")
    criticality: Literal["must_pass", "normal"] | None = None
    source: str | None = Field(None, description="where the case came from, such as a log's line")


class FileWire(Shared):
    """An eval file: defaults, and cases."""

    cases: list[CaseWire] = Field(min_length=1)


def case_schema() -> dict[str, Any]:
    """Return the JSON Schema (Draft 2020-12) of eval files."""
    schema = FileWire.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "pytest-llmupgrade eval file"
    return schema

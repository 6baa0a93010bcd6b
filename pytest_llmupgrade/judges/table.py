"""The built-in judges by the name that a case writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.judges.limits import max_cost, max_latency, max_tokens
from pytest_llmupgrade.judges.ported import (
    contains_object,
    edit_distance,
    exactly,
    fuzzy_match,
    icontains_all,
    icontains_any,
    valid_tool_calls,
)
from pytest_llmupgrade.judges.refusal import is_refusal
from pytest_llmupgrade.judges.similarity import similarity
from pytest_llmupgrade.judges.structured import contains_json, json_schema, pydantic
from pytest_llmupgrade.judges.text import (
    contains,
    contains_all,
    contains_any,
    equals,
    icontains,
    regex,
    starts_with,
)
from pytest_llmupgrade.judges.tools import tool_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.model import Judge

BUILT_IN: Mapping[str, Judge] = {
    "equals": equals,
    "contains": contains,
    "icontains": icontains,
    "contains_any": contains_any,
    "contains_all": contains_all,
    "starts_with": starts_with,
    "regex": regex,
    "json_schema": json_schema,
    "contains_json": contains_json,
    "tool_calls": tool_calls,
    "similarity": similarity,
    "max_cost": max_cost,
    "max_latency": max_latency,
    "max_tokens": max_tokens,
    "is_refusal": is_refusal,
    "pydantic": pydantic,
    "exactly": exactly,
    "icontains_any": icontains_any,
    "icontains_all": icontains_all,
    "edit_distance": edit_distance,
    "fuzzy_match": fuzzy_match,
    "contains_object": contains_object,
    "valid_tool_calls": valid_tool_calls,
}
"""Functions `(completion, case, **options) -> Verdict`; `max_cost` also needs `cost_usd` bound."""

DESCRIPTIONS: Mapping[str, str] = {
    name: (judge.__doc__ or "").partition("\n")[0] for name, judge in BUILT_IN.items()
}
"""What each of them does, in one line."""

"""The JSON Schema of `prompts.yaml`, for editors."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def prompts_schema() -> dict[str, Any]:
    """Return the JSON Schema (Draft 2020-12) of prompts files, as the package ships it."""
    text = files("pytest_llmupgrade").joinpath("data/prompts.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema

"""What was asked and what was wanted, as SHA-256: equal where two runs asked the same, and only there."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Case, Request


def fingerprint(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON, as 64 hexadecimal digits; dataclasses count by field."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)
            if field.name != "line"
        }
    raise TypeError(f"{type(value).__name__} has no canonical JSON")


def case_fingerprint(case: Case) -> str:
    """Return what tells whether two runs put the same question and wanted the same answer.

    Prompts (named, or as system messages) and parameters are left out: they are how a model is asked, which runs may
    differ in.
    """
    messages = [one for one in case.messages if one.get("role") not in ("system", "developer")]
    asked = (messages, case.vars, case.tools, case.response_format)
    return fingerprint((asked, case.expected, case.judges))


def asked_fingerprint(request: Request) -> str:
    """Return what tells whether a model was sent the same: messages, parameters, tools, response format.

    The model itself is left out: it has a name of its own wherever this is kept.
    """
    return fingerprint({key: value for key, value in request.body.items() if key != "model"})

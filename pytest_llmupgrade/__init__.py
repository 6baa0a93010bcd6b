"""Change the model behind a production LLM feature without breaking it.

The nouns that a project's own judges and fixtures meet; importing them imports neither pytest nor a client.
"""

from __future__ import annotations

from pytest_llmupgrade.errors import CallError, JudgeError, LlmUpgradeError
from pytest_llmupgrade.model import CallFailure, Case, Completion, Request, ToolCall, Usage, Verdict

__version__ = "0.1.0"

__all__ = [
    "CallError",
    "CallFailure",
    "Case",
    "Completion",
    "JudgeError",
    "LlmUpgradeError",
    "Request",
    "ToolCall",
    "Usage",
    "Verdict",
    "__version__",
]

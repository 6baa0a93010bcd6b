"""Change the model behind a production LLM feature without breaking it.

The nouns that a project's own judges and fixtures meet. Each is imported at first use: every pytest run of a project
with this plugin imports this module, and most of them need none of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmupgrade.errors import CallError, JudgeError, LlmUpgradeError
    from pytest_llmupgrade.model import CallFailure, Case, Completion, Request, ToolCall, Usage, Verdict
    from pytest_llmupgrade.rollout.router import ModelRouter

__version__ = "0.1.0"

__all__ = [
    "CallError",
    "CallFailure",
    "Case",
    "Completion",
    "JudgeError",
    "LlmUpgradeError",
    "ModelRouter",
    "Request",
    "ToolCall",
    "Usage",
    "Verdict",
    "__version__",
]

_PLACES = {
    **dict.fromkeys(("CallError", "JudgeError", "LlmUpgradeError"), "errors"),
    "ModelRouter": "rollout.router",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_PLACES.get(name, 'model')}"), name)
    globals()[name] = value
    return value

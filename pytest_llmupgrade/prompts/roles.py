"""Which role a model takes its instructions from, where prompts.yaml does not say."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["system", "developer"]
ROLES: tuple[Role, ...] = ("system", "developer")

# "With o1 models and newer, use developer messages for this purpose instead" (OpenAI's API reference of chat messages);
# the first o1 previews take neither, which the adaptation at run time finds out as for any other model.
_DEVELOPER = ("o1*", "o3*", "o4*", "gpt-5*")
_NEITHER = ("o1-mini*", "o1-preview*")


def role_of(model: str) -> Role:
    """Return the role of a model's instructions by its name; a name that is not OpenAI's takes `system`."""
    newer = any(fnmatchcase(model, pattern) for pattern in _DEVELOPER)
    return "developer" if newer and not any(fnmatchcase(model, pattern) for pattern in _NEITHER) else "system"

"""`prompts.yaml`: named prompts, each in versions, and which version a model is told."""

from __future__ import annotations

from pytest_llmupgrade.prompts.loading import find_prompts, load_prompts, parse_prompts
from pytest_llmupgrade.prompts.versions import Prompt, Prompts, PromptVersion

__all__ = ["Prompt", "PromptVersion", "Prompts", "find_prompts", "load_prompts", "parse_prompts"]

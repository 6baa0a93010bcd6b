"""The flag that makes the prompts' version an axis."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.variants import variants_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def add_prompt_option(group: pytest.OptionGroup) -> None:
    """Declare the flag."""
    group.addoption(
        "--llm-prompts",
        dest="llm_prompts",
        metavar="VERSION[,VERSION...]",
        default=None,
        help="run every model with each of these versions of prompts.yaml, beside the incumbent as it is told now",
    )


def read_prompts(config: pytest.Config, models: Sequence[str]) -> tuple[str, ...]:
    """Return the versions to run; pytest.UsageError where a name is wrong or columns would share a name."""
    text: str | None = config.getoption("llm_prompts")
    if text is None:
        return ()
    if not models:
        raise pytest.UsageError("--llm-prompts needs --llm-models=MODEL[,MODEL...] beside it")
    names = tuple(part.strip() for part in text.split(","))
    for index, name in enumerate(names):
        if not _NAME.fullmatch(name):
            raise pytest.UsageError(
                f"--llm-prompts={text}: {name!r} is no version's name; write VERSION[,VERSION...]"
            )
        if name in names[:index]:
            raise pytest.UsageError(f"--llm-prompts={text}: {name!r} stands twice; leave one out")
    columns = [variant.name for variant in variants_of(models, names)]
    for index, column in enumerate(columns):
        if column in columns[:index]:
            raise pytest.UsageError(
                f"--llm-prompts={text}: two columns would be named {column!r}; rename the version in prompts.yaml"
            )
    return names

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from pytest_llmupgrade.plugin.prompt_options import read_prompts

if TYPE_CHECKING:
    from collections.abc import Sequence


def read(text: str | None, models: Sequence[str]) -> tuple[str, ...]:
    """Read the flag as a command line would have it."""
    return read_prompts(cast("pytest.Config", SimpleNamespace(getoption=lambda _name: text)), models)


def test_the_versions_in_their_order() -> None:
    """The flag names versions, in the order in which they stand in the report; without it there are none."""
    assert read("verbose, concise", ["old"]) == ("verbose", "concise")
    assert read(None, ["old"]) == ()


@pytest.mark.parametrize(
    ("text", "models", "words"),
    [
        ("verbose,", ["old"], "--llm-prompts=verbose,: '' is no version's name; write VERSION[,VERSION...]"),
        ("a b", ["old"], "--llm-prompts=a b: 'a b' is no version's name; write VERSION[,VERSION...]"),
        ("v,w,v", ["old"], "--llm-prompts=v,w,v: 'v' stands twice; leave one out"),
        ("v", [], "--llm-prompts needs --llm-models=MODEL[,MODEL...] beside it"),
        (
            "v,w-v",
            ["old", "old-w"],
            "--llm-prompts=v,w-v: two columns would be named 'old-w-v'; rename the version in prompts.yaml",
        ),
    ],
)
def test_a_wrong_flag_is_one_line(text: str, models: list[str], words: str) -> None:
    """A name that cannot be, or columns that could not be told apart, are refused in one line."""
    with pytest.raises(pytest.UsageError) as caught:
        read(text, models)
    assert str(caught.value) == words

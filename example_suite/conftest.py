"""The shop's own judge: answers are read on small screens, so length is a matter of right and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade import Case, Completion


@pytest.fixture(scope="session")
def at_most_words() -> Callable[..., None]:
    """Pass an answer of at most so many words: `judge: {at_most_words: 40}`."""

    def judge(completion: Completion, _case: Case, expected: int) -> None:
        words = len(completion.text.split())
        assert words <= expected, f"{words} words, at most {expected} allowed"

    return judge

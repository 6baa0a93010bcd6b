"""Fixtures that several test modules share."""

from __future__ import annotations

from hypothesis import settings

from tests.server import llm_server

__all__ = ["llm_server"]

# eval files that tests read are no suite of this repository's own
collect_ignore = ["data"]

# how long an example takes says more about the machine than about the code
settings.register_profile("llmupgrade", deadline=None)
settings.load_profile("llmupgrade")

"""Where session state sits: typed stash keys, no globals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.plugin.trial import Trial

SESSION: pytest.StashKey[LlmSession] = pytest.StashKey()
"""On the config: one per process."""

TRIAL: pytest.StashKey[Trial] = pytest.StashKey()
"""On an item: what its current attempt has brought so far."""

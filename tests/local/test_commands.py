from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.providers.local.cache import sha256
from pytest_llmupgrade.providers.local.commands import models_table, pull
from pytest_llmupgrade.providers.local.fetch import weights_path
from pytest_llmupgrade.providers.local.weights import KNOWN
from tests.local.conftest import BASE, DEGRADED, spec

if TYPE_CHECKING:
    from pathlib import Path


def test_table(cache: Path) -> None:
    """Every model is listed with its licence, whether it is here, and that the worse one is worse on purpose."""
    first, second, where = models_table()
    assert first.split()[:5] == [BASE, "98", "MB", "not", "fetched"]
    assert "Apache-2.0" in first
    assert second.startswith(DEGRADED)
    assert "deliberately degraded" in second
    assert where == f"cache: {cache}"


def test_pull_verifies() -> None:
    """Pulling says where the weights lie, and they have the pinned hash."""
    said: list[str] = []
    pull([BASE], said.append)
    path = weights_path(spec(BASE))
    assert said[-1] == f"{BASE}: {path}, verified (Apache-2.0)"
    assert sha256(path) == KNOWN[BASE].sha256


def test_pull_of_an_unknown_name() -> None:
    """A name that is no model is refused with the names that are."""
    with pytest.raises(UsageError, match="local/smollm2-135m"):
        pull(["llama"], print)

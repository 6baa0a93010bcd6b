"""Load: eval files into cases, or into everything that is wrong with them."""

from __future__ import annotations

from pytest_llmupgrade.run.load.cases import load_suite
from pytest_llmupgrade.run.load.wire import case_schema

__all__ = ["case_schema", "load_suite"]

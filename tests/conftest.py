"""Fixtures that several test modules share."""

from __future__ import annotations

from tests.server import llm_server

__all__ = ["llm_server"]

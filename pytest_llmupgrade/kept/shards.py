"""Shards: which part of a CI matrix a case belongs to."""

from __future__ import annotations

import hashlib


def shard_of(case: str, count: int) -> int:
    """Return a case's shard, 1 to `count`: by its name alone, so that every job draws the same lines by itself."""
    digest = hashlib.sha256(case.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % count + 1

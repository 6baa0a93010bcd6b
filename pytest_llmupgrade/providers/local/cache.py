"""The directory in which weights are kept: one per user, shared by all projects and processes."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from pytest_llmupgrade.errors import UsageError

ENV = "LLMUPGRADE_CACHE"
"""The environment variable that names another directory."""

_CHUNK = 1 << 20


def cache_dir() -> Path:
    """Return the cache directory; UsageError where there is no home to put it in."""
    if chosen := os.environ.get(ENV):
        return Path(chosen).expanduser().absolute()
    try:
        return _user_cache() / "llmupgrade"
    except RuntimeError:
        raise UsageError(f"no home directory to keep weights in: set {ENV} to a directory") from None


def _user_cache() -> Path:
    xdg = os.environ.get("XDG_CACHE_HOME")
    if xdg and Path(xdg).is_absolute():  # the XDG specification: relative paths are ignored
        return Path(xdg)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"


def sha256(path: Path) -> str:
    """Return the file's SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

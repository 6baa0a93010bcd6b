"""Where this plugin keeps what a later run may use: in pytest's cache folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_NAME = "llmupgrade"


def cache_folder(config: pytest.Config) -> Path:
    """Return our folder in pytest's cache, made if it can be: whoever writes there hears of a disk that refuses it."""
    cache: Any = getattr(config, "cache", None)  # none with `-p no:cacheprovider`
    if cache is None:
        return config.rootpath / ".pytest_cache" / "d" / _NAME
    try:
        return Path(cache.mkdir(_NAME))
    except OSError:
        return Path(config.rootpath, config.getini("cache_dir"), "d", _NAME)

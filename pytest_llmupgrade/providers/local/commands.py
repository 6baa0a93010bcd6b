"""What `llmupgrade models ls` and `llmupgrade models pull` do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_llmupgrade.model import ModelSpec
from pytest_llmupgrade.providers.local.cache import cache_dir
from pytest_llmupgrade.providers.local.fetch import is_cached, weights_path
from pytest_llmupgrade.providers.local.progress import bar, lines
from pytest_llmupgrade.providers.local.weights import KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def models_table() -> Iterator[str]:
    """Yield a line for every embedded model: its name, size, whether it is here, licence, what it is."""
    width = max(map(len, KNOWN))
    for weights in KNOWN.values():
        here = "cached" if is_cached(weights) else "not fetched"
        size = f"{weights.bytes / 1e6:.0f} MB"
        yield f"{weights.name:<{width}}  {size:>6}  {here:<11}  {weights.licence}  {weights.label}"
    yield f"cache: {cache_dir()}"


def pull(names: Iterable[str], echo: Callable[[str], object]) -> None:
    """Fetch and verify the named models, all if none is named; UsageError where one cannot be had."""
    progress = bar(sys.stderr) if sys.stderr.isatty() else lines(echo)
    for name in tuple(names) or tuple(KNOWN):
        path = weights_path(ModelSpec(name=name, wire_name=name), progress=progress)
        echo(f"{name}: {path}, verified ({KNOWN[name].licence})")

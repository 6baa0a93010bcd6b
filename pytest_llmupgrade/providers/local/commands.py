"""`llmupgrade models`: list the embedded models, and fetch them ahead of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.providers.local.weights import KNOWN, cache_dir, is_fetched, known_path
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def models_table() -> Iterator[str]:
    """Yield a line for each embedded model: its name, whether it is fetched, and what it is."""
    width = max(map(len, KNOWN))
    for weights in KNOWN.values():
        state = "fetched" if is_fetched(weights) else "not fetched"
        yield f"{weights.name:{width}}  {state:11}  {weights.label}"
    yield f"folder: {cache_dir()}"


def pull(names: Sequence[str], echo: Callable[[str], None]) -> None:
    """Fetch embedded models, all where none is named; UsageError for a name that is none."""
    for name in names:
        if name not in KNOWN:
            hint = nearest(name, KNOWN) or f"Known: {', '.join(KNOWN)}"
            raise UsageError(f"no local model {name!r}. {hint}")
    for name in names or KNOWN:
        echo(f"{name}: {known_path(KNOWN[name], echo)}")

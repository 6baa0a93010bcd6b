"""The one place that touches what pytest does not promise.

pytest offers no public way to ask, while collecting, which fixtures a node can see; pytest-bdd and pytest-asyncio
read the same manager. `getfixturedefs` takes a node since pytest 8.1, and took a node id before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence


def skip_at_item(reason: str) -> NoReturn:
    """Skip the running item, and let the report name its own place, not this line; pytest's marks do the same."""
    raise pytest.skip.Exception(reason, _use_item_location=True)


def has_fixture(node: pytest.Collector, name: str) -> bool:
    """Whether a fixture of that name is visible from a node."""
    return bool(_definitions(node, name))


def is_builtin_fixture(node: pytest.Collector | pytest.Item, name: str) -> bool:
    """Whether a node sees this package's own fixture of that name, which no conftest.py overrides."""
    definitions = _definitions(node, name)
    return bool(definitions) and definitions[-1].func.__module__.startswith("pytest_llmupgrade.")


def session_fixture(node: pytest.Collector | None, name: str) -> object:
    """Return the definition that a node sees of a fixture, where it is made once for the session; else None."""
    definitions = _definitions(node, name) if node is not None else ()
    if not definitions or definitions[-1].scope != "session" or definitions[-1].params is not None:
        return None
    definition: object = definitions[-1]
    return definition


def _definitions(node: pytest.Collector | pytest.Item, name: str) -> Sequence[Any]:
    manager: Any = node.session._fixturemanager  # noqa: SLF001  see above
    return manager.getfixturedefs(name, node if pytest.version_tuple >= (8, 1) else node.nodeid) or ()


def fixture_names(node: pytest.Collector) -> tuple[str, ...]:
    """Return the names of all fixtures visible from a node, sorted."""
    manager = vars(node.session._fixturemanager)  # noqa: SLF001  see above
    # `_arg2fixturedefs` until 9.1, `_arg2node2fixturedefs` from 9.2 on; the keys are the names in both.
    names = {
        name
        for key, table in manager.items()
        if key.startswith("_arg2") and key.endswith("fixturedefs")
        for name in table
    }
    return tuple(sorted(name for name in names if has_fixture(node, name)))

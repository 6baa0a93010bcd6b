"""A drop-in for an `openai` client, sync or async. Nothing is imported of it: the client is taken as it is.

Routed are `chat.completions.create` and `.parse`, `responses.create` and `.parse`, where `model` is one of the two
arms'; everything else is passed on untouched.
"""

from __future__ import annotations

import copy
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.rollout.config import ArmName
    from pytest_llmupgrade.rollout.events import Decision
    from pytest_llmupgrade.rollout.router import ModelRouter

    Adapt: TypeAlias = Callable[[ArmName, dict[str, Any]], dict[str, Any]]

_ROUTED = {
    ("chat", "completions", "create"),
    ("chat", "completions", "parse"),
    ("responses", "create"),
    ("responses", "parse"),
}
_ON_THE_WAY = {path[:length] for path in _ROUTED for length in range(1, len(path))}
_COPIES = ("with_options", "copy")
"""Methods that return another client, which is wrapped again."""
_OWN_TOOLS = ("function", "custom")
"""Tools that the product runs; a provider runs the others itself, so a shadow would act."""


def wrapped(router: ModelRouter, client: Any, *, new: Any, adapt: Adapt | None) -> Any:
    """Return the drop-in."""
    return _Proxy(_Routes(router, {"old": client, "new": new or client}, adapt), client, ())


class _Routes:
    """The two clients, and how a call reaches either."""

    def __init__(self, router: ModelRouter, clients: dict[ArmName, Any], adapt: Adapt | None) -> None:
        self.router, self.clients, self.adapt = router, clients, adapt

    def call(self, path: tuple[str, ...], arguments: dict[str, Any], decision: Decision, arm: ArmName) -> Any:
        """Call an arm's client with the model that the arm had when it was decided."""
        function = _at(self.clients[arm], path)
        given = {**arguments, "model": decision.rollout.arms[arm].model}
        return function(**(given if self.adapt is None else self.adapt(arm, given)))

    def copied(self, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Return the drop-in of what `with_options` returns."""
        one = self.clients["old"]
        clients = {arm: getattr(client, name)(*args, **options) for arm, client in self.clients.items()}
        new = clients["old"] if self.clients["new"] is one else clients["new"]
        return wrapped(self.router, clients["old"], new=new, adapt=self.adapt)


class _Proxy:
    """A client, or a part of it, in which some methods are routed."""

    def __init__(self, routes: _Routes, inner: Any, path: tuple[str, ...]) -> None:
        self._routes, self._inner, self._path = routes, inner, path

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        path = (*self._path, name)
        if path in _ROUTED:
            # the client's own decorators hide that a method is async
            kind = _routed_async if inspect.iscoroutinefunction(inspect.unwrap(value)) else _routed
            return partial(kind, self._routes, path, value)
        if path in _ON_THE_WAY:
            return _Proxy(self._routes, value, path)
        if not self._path and name in _COPIES:
            return lambda *args, **options: self._routes.copied(name, args, options)
        return value

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        return self._inner.__exit__(*error)

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> Any:
        return await self._inner.__aexit__(*error)

    def __repr__(self) -> str:
        return f"<routed {self._inner!r}>"


def _routed(routes: _Routes, path: tuple[str, ...], plain: Any, /, *args: Any, **arguments: Any) -> Any:
    if args or not _names_an_arm(routes, arguments):
        return plain(*args, **arguments)
    decision = routes.router.decide(unit=_unit(arguments))
    core, call = routes.router.core, partial(routes.call, path, arguments, decision)
    if arguments.get("stream"):
        return core.stream(decision, call)
    return core.run(decision, call, _beside(routes, decision, path, arguments), _messages(arguments))


async def _routed_async(
    routes: _Routes, path: tuple[str, ...], plain: Any, /, *args: Any, **arguments: Any
) -> Any:
    if args or not _names_an_arm(routes, arguments):
        return await plain(*args, **arguments)
    decision = routes.router.decide(unit=_unit(arguments))
    core, call = routes.router.core, partial(routes.call, path, arguments, decision)
    if arguments.get("stream"):
        return await core.astream(decision, call)
    return await core.arun(decision, call, _beside(routes, decision, path, arguments), _messages(arguments))


def _names_an_arm(routes: _Routes, arguments: dict[str, Any]) -> bool:
    """Return whether a call is the rollout's: a client may serve other features, too."""
    arms = routes.router.core.decider.policy.rollout.arms
    return arguments.get("model") in (arms["old"].model, arms["new"].model)


def _unit(arguments: dict[str, Any]) -> str | None:
    """Return the unit that a call itself names; `router.unit` is asked where it names none."""
    from pytest_llmupgrade.rollout.deciding import UNIT

    if UNIT.get() is not None:
        return None
    found = (arguments.get(name) for name in ("conversation", "safety_identifier", "user"))
    return next((value for value in found if isinstance(value, str) and value), None)


def _messages(arguments: dict[str, Any]) -> object:
    return arguments.get("messages", arguments.get("input"))


def _beside(
    routes: _Routes, decision: Decision, path: tuple[str, ...], arguments: dict[str, Any]
) -> Callable[[], Any] | None:
    """Return the shadow's call, with its arguments copied; None where it would act or leave something behind."""
    core = routes.router.core
    if not core.shadows(decision):
        return None
    try:
        if not _harmless(arguments):
            return None
        given = copy.deepcopy(arguments)
    except Exception as error:  # noqa: BLE001  what cannot be copied has no shadow
        core.own_fault(error)
        return None
    if path[0] == "responses":
        given["store"] = False
    return partial(routes.call, path, given, decision, "new")


def _harmless(arguments: dict[str, Any]) -> bool:
    if arguments.get("background") or arguments.get("conversation"):
        return False
    tools = arguments.get("tools") or ()
    # what cannot be read twice cannot be looked into, either
    return isinstance(tools, (list, tuple)) and all(
        isinstance(tool, dict) and tool.get("type") in _OWN_TOOLS for tool in tools
    )


def _at(client: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        client = getattr(client, name)
    return client

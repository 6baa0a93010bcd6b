"""ModelRouter: stands in a product's request path, and is harmless there."""

from __future__ import annotations

import atexit
import copy
import os
import weakref
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.core import Core
from pytest_llmupgrade.rollout.deciding import UNIT
from pytest_llmupgrade.rollout.events import rating_event
from pytest_llmupgrade.rollout.streams import Begun, abegun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_llmupgrade.rollout.config import ArmName, Mode
    from pytest_llmupgrade.rollout.events import Decision
    from pytest_llmupgrade.rollout.streams import AsyncStream, Stream

_LAST: ContextVar[Decision | None] = ContextVar("llmupgrade_decision", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a router has to say about itself."""

    rollout: str
    percent: float
    """In force: 0 while the new arm is stopped."""
    mode: Mode
    stopped: str | None
    """Why the new arm is stopped."""
    breaker_open: bool
    fault: str | None
    """What is wrong with the file, or with the records."""
    own_faults: int
    """Exceptions of the router's own, kept from requests."""
    written: int
    lost: int
    """Events written, and events that could not be."""
    shadow_dropped: int


class ModelRouter:
    """Routes requests to one of two arms by a rollout file; made with `ModelRouter.from_file`."""

    def __init__(
        self,
        core: Core,
        *,
        old: Callable[..., Any] | None = None,
        new: Callable[..., Any] | None = None,
        shadow: Callable[..., Any] | None = None,
    ) -> None:
        self._core = core
        self._callables: dict[ArmName, Callable[..., Any] | None] = {"old": old, "new": new}
        self._shadow = shadow
        _tidy_up(self._core)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        old: Callable[..., Any] | None = None,
        new: Callable[..., Any] | None = None,
        shadow: Callable[..., Any] | None = None,
    ) -> ModelRouter:
        """Return a router for a rollout file; FaultyFiles names what is wrong with it.

        `old` and `new` take the messages and whatever else `call` is given, and may be async, for `acall`; `shadow`
        calls the new arm without acting. Without any, the router only decides, or wraps a client.
        """
        core = Core.from_file(Path(path))
        mode = core.decider.policy.rollout.mode
        if mode == "shadow" and new is not None and shadow is None:
            raise UsageError(
                f"{path}: mode shadow needs ModelRouter.from_file(..., shadow=CALLABLE): what calls the new arm "
                "without acting, for nobody asked for its effects"
            )
        return cls(core, old=old, new=new, shadow=shadow)

    # --- requests ----------------------------------------------------------------------------------

    def decide(self, *, unit: str | None = None) -> Decision:
        """Return the arm of a unit, for those who make the call themselves; tell its end to `record`."""
        decision = self._core.decide(unit)
        _LAST.set(decision)
        return decision

    def call(
        self, messages: Any, *, unit: str | None = None, decision: Decision | None = None, **options: Any
    ) -> Any:
        """Call the arm of a unit with the messages, and return or raise what it does."""
        chosen = decision or self.decide(unit=unit)
        shadow = self._beside(chosen, messages, options)
        return self._core.run(chosen, partial(self._arm, messages, options), shadow, messages)

    async def acall(
        self, messages: Any, *, unit: str | None = None, decision: Decision | None = None, **options: Any
    ) -> Any:
        """Do as `call` does, with async callables."""
        chosen = decision or self.decide(unit=unit)
        shadow = self._beside(chosen, messages, options)
        return await self._core.arun(chosen, partial(self._arm, messages, options), shadow, messages)

    def stream(self, messages: Any, *, unit: str | None = None, **options: Any) -> Stream:
        """Call an arm that yields; once its first piece is there, the other one no longer takes over."""
        call = partial(self._arm, messages, options)
        return self._core.stream(self.decide(unit=unit), lambda arm: Begun(call(arm)))

    async def astream(self, messages: Any, *, unit: str | None = None, **options: Any) -> AsyncStream:
        """Do as `stream` does, asynchronously: `async for piece in await router.astream(...)`."""
        call = partial(self._arm, messages, options)
        return await self._core.astream(self.decide(unit=unit), lambda arm: abegun(call(arm)))

    def wrap_openai(
        self,
        client: Any,
        *,
        new: Any = None,
        adapt: Callable[[ArmName, dict[str, Any]], dict[str, Any]] | None = None,
    ) -> Any:
        """Return a drop-in for an `openai` client, sync or async, whose calls that name an arm's model are routed.

        `new` is the new arm's client, where that is another one. `adapt(arm, arguments)` returns the arguments of an
        arm's call, where more than the model differs.
        """
        from pytest_llmupgrade.rollout.openai_client import wrapped

        return wrapped(self, client, new=new, adapt=adapt)

    def _arm(self, messages: Any, options: dict[str, Any], arm: ArmName) -> Any:
        function = self._callables[arm]
        if function is None:
            raise UsageError(f"this router has no {arm!r}: pass old= and new= to ModelRouter.from_file")
        return function(messages, **options)

    def _beside(self, decision: Decision, messages: Any, options: dict[str, Any]) -> Callable[[], Any] | None:
        """Return the shadow's call; its messages are copied before the product may change them."""
        if self._shadow is None or not self._core.shadows(decision):
            return None
        try:
            return partial(self._shadow, copy.deepcopy(messages), **copy.deepcopy(options))
        except Exception as error:  # noqa: BLE001  what cannot be copied has no shadow
            self._core.own_fault(error)
            return None

    # --- records -----------------------------------------------------------------------------------

    def rate(self, call_id: str, *, good: bool) -> bool:
        """Record what a user thought of a call's answer; False where it is no call of this rollout."""
        try:
            decision = self._core.decider.named(call_id)
            if decision is None:
                return False
            self._core.log.put(rating_event(decision, good=bool(good), at_ms=self._core.now_ms()))
        except Exception as error:  # noqa: BLE001  a rating is no reason to fail a request
            self._core.own_fault(error)
            return False
        return True

    def record(  # noqa: PLR0913  each says one thing about the call
        self,
        decision: Decision,
        *,
        latency_ms: float,
        served: ArmName | None = None,
        failure: str | None = None,
        usage: Any = None,
        first_token_ms: float | None = None,
    ) -> None:
        """Record a call that the product made itself; `served` is by default the decided arm, or none on failure."""
        try:
            started = self._core.since(latency_ms)
        except Exception as error:  # noqa: BLE001  a record is no reason to fail a request
            self._core.own_fault(error)
            return
        self._core.put(
            decision,
            started,
            served=served or (None if failure else decision.arm),
            failure=failure,
            usage=usage,
            first_token_ms=first_token_ms,
        )

    @contextmanager
    def unit(self, name: str) -> Iterator[None]:
        """Make all requests inside belong to a unit, where they name none themselves."""
        token = UNIT.set(name)
        try:
            yield
        finally:
            UNIT.reset(token)

    @property
    def last(self) -> Decision | None:
        """The latest decision in this thread or task: its `call_id` is what `rate` takes."""
        return _LAST.get()

    # --- the operator's ----------------------------------------------------------------------------

    @property
    def core(self) -> Core:
        """What client wrappers are built on."""
        return self._core

    def poll(self) -> None:
        """Look at the file and the kill switch now, instead of within half a second."""
        self._core.decider.poll()

    def flush(self) -> bool:
        """Write what was recorded; True once all of it is in the operating system's hands."""
        return self._core.log.flush()

    def health(self) -> Health:
        """Return what the router has to say about itself."""
        core, policy = self._core, self._core.decider.policy
        return Health(
            rollout=policy.rollout.id,
            percent=policy.step,
            mode=policy.rollout.mode,
            stopped=policy.stopped,
            breaker_open=core.decider.breaker.is_open,
            fault=core.decider.fault or core.log.fault,
            own_faults=core.own_faults,
            written=core.log.written,
            lost=core.log.lost,
            shadow_dropped=core.shadow.dropped,
        )

    def close(self) -> None:
        """Write everything, rollups too, and stop the threads; the router still works afterwards."""
        self._core.close()


def _tidy_up(core: Core) -> None:
    """Close at the interpreter's end, and begin anew in children, without keeping a router alive for either."""
    reference = weakref.ref(core)
    atexit.register(_if_alive, reference, "close")
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=partial(_if_alive, reference, "after_fork"))


def _if_alive(reference: weakref.ref[Core], action: str) -> None:
    core = reference()
    if core is not None:
        getattr(core, action)()

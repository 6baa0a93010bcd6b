"""A provider that learns which parameters a model refuses, and leaves them out from then on."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade.model import CallFailure
from pytest_llmupgrade.providers.adapt_rules import adaptation_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.model import Answer, Completion, ModelSpec, Request
    from pytest_llmupgrade.providers.adapt import Adaptation
    from pytest_llmupgrade.providers.sequential import Provider

Place: TypeAlias = tuple[str, str, str]
_MOST = 8
"""Changes to one request, after which its refusal stands."""
_SCOUT_S = 5.0
"""Seconds to wait for the first call: refusals come at once, while an answer may take minutes."""
_ALWAYS = frozenset(("model", "messages", "input"))


class AdaptingProvider:
    """Wraps a provider: a refused request is changed and sent anew, and the change is kept for the model.

    `learnt` is what earlier runs found out, and `on_learnt` hears what this one does: both by endpoint, API and the
    model's name on the wire.
    """

    def __init__(
        self,
        inner: Provider,
        *,
        learnt: Mapping[Place, tuple[Adaptation, ...]] | None = None,
        on_learnt: Callable[[Place, Adaptation], object] = lambda _place, _adaptation: None,
    ) -> None:
        self._inner = inner
        self._learnt: dict[Place, tuple[Adaptation, ...]] = dict(learnt or {})
        self._on_learnt = on_learnt
        self._scouts: dict[tuple[Place, str], asyncio.Event] = {}
        """The first call with these parameters: the others wait for what it learns, so that one is refused, not all."""

    async def acomplete(self, request: Request, spec: ModelSpec) -> Answer:
        """Return the answer to the request, or to the nearest one that the model takes; `adapted` says which."""
        shape = shape_of(request)
        if not shape:
            return await self._adapt(request, spec)
        key = ((request.endpoint, request.api, spec.wire_name), shape)
        if key in self._scouts:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._scouts[key].wait(), _SCOUT_S)
            return await self._adapt(request, spec)
        known = self._scouts[key] = asyncio.Event()
        try:
            return await self._adapt(request, spec)
        finally:
            known.set()

    async def _adapt(self, request: Request, spec: ModelSpec) -> Answer:
        place = (request.endpoint, request.api, spec.wire_name)
        for _ in range(_MOST):
            changed, used = _changed(request, self._learnt.get(place, ()))
            answer = await self._inner.acomplete(changed, spec)
            adaptation = adaptation_for(answer, changed.body) if isinstance(answer, CallFailure) else None
            if adaptation is None:
                break
            known = self._learnt.get(place, ())
            if adaptation not in known:  # another request may have learnt it meanwhile
                self._learnt[place] = (*known, adaptation)
                self._on_learnt(place, adaptation)
        return answer if isinstance(answer, CallFailure) else _amended(answer, used, request)

    def as_taken(self, request: Request, spec: ModelSpec) -> tuple[Request, tuple[Adaptation, ...]]:
        """Return a request as the model is known to take it, and what was changed in it."""
        return _changed(request, self._learnt.get((request.endpoint, request.api, spec.wire_name), ()))

    def prepare(self) -> None:
        """Prepare the provider within."""
        self._inner.prepare()

    async def aclose(self) -> None:
        """Close the provider within; what was learnt stays."""
        await self._inner.aclose()


def shape_of(request: Request) -> str:
    """Return what of a request a model may refuse: its parameters, and the values of the simple ones."""
    return ",".join(
        f"{name}={value}" if isinstance(value, (str, int, float)) else name
        for name, value in sorted(request.body.items())
        if name not in _ALWAYS
    )


def _changed(request: Request, learnt: tuple[Adaptation, ...]) -> tuple[Request, tuple[Adaptation, ...]]:
    """Return the request as the model takes it, and the adaptations that changed it."""
    body, used = request.body, []
    for adaptation in learnt:
        after = adaptation.apply(body)
        if after != body:
            body = after
            used.append(adaptation)
    return replace(request, body=body), tuple(used)


def _amended(completion: Completion, used: tuple[Adaptation, ...], request: Request) -> Completion:
    for adaptation in used:
        completion = adaptation.amend(completion, request.body)
    return replace(completion, adapted=tuple(adaptation.words for adaptation in used)) if used else completion

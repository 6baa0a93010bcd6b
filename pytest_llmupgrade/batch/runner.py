"""Completes what a run plans by batches: fetches those under way, makes those that lack, keeps every answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from pytest_llmupgrade.batch.api import BatchApi
from pytest_llmupgrade.batch.lines import BatchCall, answered, files_of, read_line
from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.model import CallFailure, Completion, Request
from pytest_llmupgrade.providers.adapting import shape_of
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_llmupgrade.batch.ledger import Entry, Ledger
    from pytest_llmupgrade.model import Answer, ModelSpec, Usage
    from pytest_llmupgrade.providers.adapting import AdaptingProvider

    After = Callable[[Completion], Sequence[Request]]

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60.0


class Shelf(Protocol):
    """Where answers are kept."""

    def get(self, key: str) -> Completion | None:
        """Return the answer to a request's key, if it is there."""

    def put_many(self, entries: Iterable[tuple[Request, Completion]]) -> None:
        """Keep answers, durably, before it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the batches of a run need from it."""

    specs: Mapping[str, ModelSpec]
    shelf: Shelf
    ledger: Ledger
    provider: AdaptingProvider
    live: Callable[[Request], Answer]
    """Makes one call now."""
    cost: Callable[[str, Usage | None], Decimal | None]
    """What a call of a batch costs, by model."""
    say: Callable[[str], object]
    """Tells the user one line."""
    deadline_s: float | None = None


class BatchRunner:
    """Answers requests by batches; what a batch leaves unanswered is left for live calls."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._apis: dict[str, BatchApi] = {}
        self._unanswered: set[str] = set()
        self._until = None if around.deadline_s is None else time.monotonic() + around.deadline_s
        self.answers = 0
        """How many answers came by batch."""
        self.spent_usd = Decimal(0)
        """Their price, without the unpriced."""

    def complete(self, asked: Sequence[tuple[Request, After | None]]) -> None:
        """Have these requests answered, and then what is asked after each answer (the judges).

        LlmUpgradeError where a provider takes no batch, KeyboardInterrupt as it comes; a batch that was made goes on.
        """
        try:
            self._fetch([entry for entry in self._around.ledger.entries() if self._ours(entry)])
            self._round([request for request, _ in asked])
            self._round(list(self._follow_ups(asked)))
        except KeyboardInterrupt:
            self._around.say("llmupgrade: the batches go on at the provider; the same command fetches them")
            raise
        finally:
            for api in self._apis.values():
                api.close()

    def _follow_ups(self, asked: Iterable[tuple[Request, After | None]]) -> Iterator[Request]:
        for request, after in asked:
            answer = self._around.shelf.get(request.key) if after is not None else None
            if after is not None and answer is not None:
                yield from after(answer)

    # --- one round ---------------------------------------------------------------------------------

    def _round(self, requests: Sequence[Request]) -> None:
        """Make batches until nothing lacks that a batch could still answer."""
        self._scout(requests)
        while (lacking := self._lacking(requests)) and not self._late():
            before = self.answers + len(self._unanswered)
            self._fetch([entry for batch in self._submitted(lacking) for entry in batch])
            if self.answers + len(self._unanswered) == before:
                break  # stopped waiting

    def _lacking(self, requests: Iterable[Request]) -> list[Request]:
        by_key = {request.key: request for request in requests if not request.model.startswith("local/")}
        return [
            request
            for key, request in by_key.items()
            if key not in self._unanswered and self._around.shelf.get(key) is None
        ]

    def _scout(self, requests: Sequence[Request]) -> None:
        """Make the first call of each kind now: it shows a wrong key, and which parameters the model refuses.

        A kind of which an answer is stored has been through that.
        """
        lacking = self._lacking(requests)
        left = {request.key for request in lacking}
        seen = {_kind(request): True for request in requests if request.key not in left}
        for request in lacking:
            kind = _kind(request)
            if kind not in seen:
                seen[kind] = not isinstance(self._around.live(request), CallFailure)
            if not seen[kind]:  # the run's own calls say what is wrong
                self._unanswered.add(request.key)

    def _submitted(self, requests: Iterable[Request]) -> Iterator[list[Entry]]:
        by_place = sorted(requests, key=lambda request: (request.model, request.api))
        for (model, _), group in groupby(by_place, key=lambda request: (request.model, request.api)):
            spec = self._around.specs[model]
            yield [self._submit(spec, *file) for file in files_of(self._call(one, spec) for one in group)]

    def _call(self, request: Request, spec: ModelSpec) -> BatchCall:
        sent, adapted = self._around.provider.as_taken(request, spec)
        return BatchCall(request=request, sent=sent, adapted=adapted)

    def _submit(self, spec: ModelSpec, calls: Sequence[BatchCall], data: bytes) -> Entry:
        try:
            entry = self._around.ledger.add(spec.name, spec.endpoint, calls)
        except OSError as error:
            raise LlmUpgradeError(f"--llm-batch: cannot write down what is handed in: {error}") from None
        try:
            name = self._api(spec).make(data, calls[0].sent.api, entry.label)
        except LlmUpgradeError:
            self._around.ledger.remove(entry)
            raise
        self._around.say(f"llmupgrade: batch {name}: {plural(len(calls), 'call')} of {spec.name} handed in")
        return self._around.ledger.name(entry, name)

    # --- fetching ----------------------------------------------------------------------------------

    def _ours(self, entry: Entry) -> bool:
        spec = self._around.specs.get(entry.model)
        return spec is not None and spec.endpoint == entry.address

    def _fetch(self, entries: Iterable[Entry]) -> None:
        """Wait for batches and keep what they bring; returns early where the run's time is over."""
        pending = [named for entry in entries if (named := self._named(entry)) is not None]
        wait, told = _FIRST_WAIT_S, dict.fromkeys((entry.label for entry in pending), "")
        while pending:
            pending = [entry for entry in pending if not self._settled(entry, told)]
            if pending and self._late():
                self._around.say(
                    "llmupgrade: not waited for the batches any longer; the same command fetches them"
                )
                return
            if pending:
                time.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT_S)

    def _named(self, entry: Entry) -> Entry | None:
        """Return an entry whose batch has a name; one that was never made is forgotten."""
        if entry.batch is not None:
            return entry
        name = self._api(self._around.specs[entry.model]).find(entry.label)
        if name is None:
            self._around.ledger.remove(entry)
            return None
        return self._around.ledger.name(entry, name)

    def _settled(self, entry: Entry, told: dict[str, str]) -> bool:
        """Keep the answers of a batch that has ended; say where it stands where that has changed."""
        spec = self._around.specs[entry.model]
        api, name = self._api(spec), entry.batch or ""
        state = api.state(name)
        words = f"{state.status}, {state.done} of {plural(entry.calls, 'call')}"
        if told[entry.label] != words:
            told[entry.label] = words
            self._around.say(f"llmupgrade: batch {name} ({spec.name}): {words}")
        if not state.ended:
            return False
        answers = self._keep(entry, api.results(state))
        self._around.ledger.remove(entry)
        if not answers:
            why = f": {state.fault}" if state.fault else ""
            raise LlmUpgradeError(
                f"--llm-batch: {spec.name}: batch {name} ended as {state.status!r} without an answer{why}; "
                "leave --llm-batch out to make the calls one by one"
            )
        return True

    def _keep(self, entry: Entry, lines: Iterable[str]) -> int:
        """Store the answers of a batch, and return how many lines were about its calls."""
        calls = {call.request.key: call for call in self._around.ledger.calls(entry)}
        found: list[tuple[Request, Completion]] = []
        heard = 0
        for line in lines:
            read = read_line(line, next(iter(calls.values())).sent.api)
            call = calls.pop(read[0], None) if read is not None else None
            if read is None or call is None:
                continue
            heard += 1
            if isinstance(read[1], CallFailure):
                self._unanswered.add(read[0])
            else:
                found.append((call.request, answered(call, read[1])))
            if not calls:
                break
        self._around.shelf.put_many(found)
        self._count(found)
        return heard

    def _count(self, found: Iterable[tuple[Request, Completion]]) -> None:
        for request, completion in found:
            self.answers += 1
            self.spent_usd += self._around.cost(request.model, completion.usage) or 0

    def _late(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def _api(self, spec: ModelSpec) -> BatchApi:
        if spec.name not in self._apis:
            self._apis[spec.name] = BatchApi(spec)
        return self._apis[spec.name]


def _kind(request: Request) -> tuple[str, str]:
    return request.model, shape_of(request)

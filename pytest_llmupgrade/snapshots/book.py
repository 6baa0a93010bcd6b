"""The snapshots of a run: which recorded answer stands in for a call, and what each item asked."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade.model import CallFailure, Completion
from pytest_llmupgrade.snapshots.asked import asked, changed_parts
from pytest_llmupgrade.snapshots.entry import Call, Entry, call_of
from pytest_llmupgrade.snapshots.files import read_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_llmupgrade.model import Answer, Request
    from pytest_llmupgrade.snapshots.asked import Asked

Place: TypeAlias = "tuple[Asked, int]"
_ATTEMPT = 1_000
"""Repeat indexes of one attempt (`plugin.judging`); a rerun's answers take the places of the first's."""
MISSING = "no snapshot: it was never recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """Where answers come from."""

    replay: bool = False
    """From snapshots alone."""
    fresh: bool = False
    """Never from snapshots: an update that asks everything anew."""
    first: bool = False
    """From snapshots where they are not stale: an update, so that its diff touches what changed and nothing else."""

    @property
    def any(self) -> bool:
        """Whether what items ask is looked up, or noted, in any way."""
        return self.replay or self.first


@dataclass(slots=True, kw_only=True)
class Page:
    """What one attempt at one item finds in its snapshot, and what it asked."""

    name: str
    load: Callable[[], Mapping[str, Entry]]
    """Reads the file, once it is needed; FaultyFiles where it is none of ours."""
    calls: dict[Place, Call] = field(default_factory=dict)
    judging: dict[Place, Call] = field(default_factory=dict)

    @property
    def entry(self) -> Entry | None:
        """The case's snapshot, None where it was never recorded."""
        return self.load().get(self.name)

    def find(self, place: Place, *, judging: bool) -> Completion | None:
        """Return the recorded answer to exactly this request."""
        calls = self._recorded(judging=judging)
        return next((call.completion for call in calls if (call.asked, call.repeat) == place), None)

    def _recorded(self, *, judging: bool) -> tuple[Call, ...]:
        entry = self.entry
        return () if entry is None else entry.judging if judging else entry.calls

    def note(self, place: Place, answer: Answer, *, judging: bool) -> Answer:
        """Remember what was asked and answered, and return the answer."""
        if isinstance(answer, Completion):
            (self.judging if judging else self.calls)[place] = call_of(*place, answer)
        return answer

    def fault(self, place: Place, *, judging: bool) -> str:
        """Return in words why there is no recorded answer; the same words for the same cause."""
        if self.entry is None:
            return MISSING
        whose = "the judge's " if judging else ""
        parts = [changed_parts(call.asked, place[0]) for call in self._recorded(judging=judging)]
        if not parts:
            return f"stale snapshot: {whose or 'the '}call was not recorded"
        nearest = min(parts, key=len)
        changed = " and ".join(nearest) or "number of repeats"
        verb = (
            "has" if len(nearest) <= 1 and nearest not in (("messages",), ("tools",), ("params",)) else "have"
        )
        return f"stale snapshot: {whose}{changed} {verb} changed since it was recorded"


class Book:
    """All snapshot files that a run reads, each of them once."""

    def __init__(self, mode: Mode, gone: Callable[[str], bool], shown: Callable[[Path], str]) -> None:
        self.mode = mode
        self._gone = gone
        self._shown = shown
        self._files: dict[Path, Mapping[str, Entry]] = {}
        self._turn: Callable[[], Page | None] = lambda: None
        self._page: Page | None = None
        self._beside: Page | None = None
        self._lock = threading.Lock()

    def begin(self, turn: Callable[[], Page | None]) -> None:
        """Turn to an item's page, made when it is first needed: most runs need none."""
        self._turn, self._page = turn, None

    @property
    def page(self) -> Page | None:
        """The page of the item that runs now."""
        with self._lock:  # a target may ask from several threads
            if self._page is None:
                self._page = self._turn()
            return self._page

    @contextmanager
    def beside(self, page: Page) -> Iterator[None]:
        """Look up, and note, on another page than the item's own: a candidate's item asks for the incumbent, too."""
        before, self._beside = self._beside, page
        try:
            yield
        finally:
            self._beside = before

    def open(self, path: Path, name: str) -> Page:
        """Return a new page for a case in a file."""
        return Page(name=name, load=partial(self._entries, path))

    def _entries(self, path: Path) -> Mapping[str, Entry]:
        if path not in self._files:
            try:
                data = path.read_bytes()
            except OSError:
                self._files[path] = {}
            else:
                self._files[path] = read_entries(data, self._shown(path))
        return self._files[path]

    def complete(
        self, request: Request, live: Callable[[Request], Answer], *, judging: bool = False
    ) -> Answer:
        """Answer a request from the snapshot or live, as the mode says."""
        if not self.mode.any and not self._gone(request.model):
            return self._live(request, live, judging=judging)
        page = self._beside or self.page
        if page is None:
            return live(request)
        place = place_of(request)
        answer = self._kept(page, request, place, judging=judging)
        if answer is not None:
            return page.note(place, answer, judging=judging)
        if self.mode.replay:
            return CallFailure(kind="replay", message=page.fault(place, judging=judging))
        return page.note(place, self._live(request, live, judging=judging), judging=judging)

    def has(self, page: Page, request: Request) -> bool:
        """Whether a request of a page will be answered without a call."""
        return self._kept(page, request, place_of(request), judging=False) is not None

    def _kept(self, page: Page, request: Request, place: Place, *, judging: bool) -> Completion | None:
        if self.mode.replay or (not self.mode.fresh and (self.mode.first or self._gone(request.model))):
            return page.find(place, judging=judging)
        return None

    def _live(self, request: Request, live: Callable[[Request], Answer], *, judging: bool) -> Answer:
        """Ask; a model that is not served any more answers from its snapshot, fresh or not."""
        answer = live(request)
        if not isinstance(answer, CallFailure):
            return answer
        gone = self._gone(request.model)
        page = self._beside or self.page if gone or answer.kind == "not_found" else None
        if page is None:
            return answer
        place = place_of(request)
        kept = page.find(place, judging=judging)
        if kept is not None:
            return kept
        if not gone and page.entry is None:
            return answer
        fault = page.fault(place, judging=judging)
        if not gone:
            return replace(answer, message=f"{answer.message}; {fault}")
        return CallFailure(kind="replay", message=f"{fault}, and {request.model} is gone: {answer.message}")


def place_of(request: Request) -> Place:
    """Return what a recorded answer is found by: the request's parts, and its index in its attempt."""
    return asked(request), request.repeat % _ATTEMPT

"""What a change of snapshot files comes to, in words: questions, answers, verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_llmupgrade.snapshots.asked import changed_parts
from pytest_llmupgrade.wording import plural, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_llmupgrade.snapshots.entry import Call, Entry

Kind: TypeAlias = Literal["added", "removed", "broke", "fixed", "changed", "same answer"]
_ORDER: tuple[Kind, ...] = ("broke", "fixed", "changed", "same answer", "added", "removed")
_WORDS: Mapping[Kind, str] = {
    "broke": "broke (passed before, miss now)",
    "fixed": "fixed (missed before, pass now)",
    "changed": "answered otherwise, same verdict",
    "same answer": "asked or judged otherwise, same answer and verdict",
    "added": "new",
    "removed": "gone",
}
_SHOWN = 10
_WIDTH = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One case on one model, before and after."""

    file: str
    """The snapshot file, which names suite and model."""
    name: str
    old: Entry | None
    new: Entry | None

    @property
    def kind(self) -> Kind:
        """What the change comes to, the gravest first."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        verdicts = (self.old.verdict, self.new.verdict)
        if verdicts == ("passed", "missed"):
            return "broke"
        if verdicts == ("missed", "passed"):
            return "fixed"
        return "changed" if _said(self.old) != _said(self.new) else "same answer"

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the question that changed, over all calls."""
        old, new = (entry.calls if entry is not None else () for entry in (self.old, self.new))
        found = dict.fromkeys(
            part
            for one, other in zip(old, new, strict=False)
            for part in changed_parts(one.asked, other.asked)
        )
        return tuple(found)


def _said(entry: Entry) -> list[tuple[str, str | None, list[tuple[str, str]]]]:
    return [
        (call.answer, call.refusal, [(tool.name, tool.arguments) for tool in call.tool_calls])
        for call in entry.calls
    ]


def changes(
    old: Mapping[str, Mapping[str, Entry]], new: Mapping[str, Mapping[str, Entry]]
) -> Iterator[Change]:
    """Yield what differs between two states of snapshot files, by file and case."""
    for file in sorted(old.keys() | new.keys()):
        before, after = old.get(file, {}), new.get(file, {})
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield Change(file=file, name=name, old=before.get(name), new=after.get(name))


def change_lines(found: Sequence[Change], *, every: bool = False) -> Iterator[str]:
    """Yield the report: per file how many, then the cases with their answers, the gravest first."""
    if not found:
        yield "no snapshot changed"
    for file in dict.fromkeys(change.file for change in found):
        here = [change for change in found if change.file == file]
        yield f"{printable(file)}: {plural(len(here), 'case')}"
        parts = dict.fromkeys(part for change in here for part in change.parts)
        for part in parts:
            count = sum(part in change.parts for change in here)
            yield f"  {part} changed: {plural(count, 'case')}"
        for kind in _ORDER:
            yield from _of_kind([change for change in here if change.kind == kind], kind, every=every)


def _of_kind(found: Sequence[Change], kind: Kind, *, every: bool) -> Iterator[str]:
    if not found:
        return
    yield f"  {len(found)} {_WORDS[kind]}:"
    shown = found if every else found[:_SHOWN]
    for change in shown:
        yield f"    {printable(change.name)}{_judges(change)}"
        if kind not in ("same answer", "removed"):
            yield from _answers(change)
    if len(found) > len(shown):
        yield f"    ... and {len(found) - len(shown)} more (--all)"


def _judges(change: Change) -> str:
    missed = change.new.missed if change.new is not None else ()
    return f" (missed {', '.join(map(printable, missed))})" if missed else ""


def _answers(change: Change) -> Iterator[str]:
    for label, entry in (("was", change.old), ("now", change.new)):
        for call in entry.calls[-1:] if entry is not None else ():
            yield f"      {label}: {shorten(' '.join(printable(_words(call)).split()), _WIDTH)}"


def _words(call: Call) -> str:
    tools = [f"{tool.name}({tool.arguments})" for tool in call.tool_calls]
    refused = [f"(refused) {call.refusal}"] if call.refusal else []
    return " ".join([*refused, *filter(None, [call.answer]), *tools]) or "(empty)"

"""An eval file as text: readable YAML, with what has no counterpart as comments beside it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import yaml

from pytest_llmupgrade.providers.quoting import well_formed
from pytest_llmupgrade.wording import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_llmupgrade.importing.drafts import CaseDraft, SuiteDraft

_SHARED_FROM = 80
"""Characters of a question from which on it is written once and referred to."""
_WIDTH = 10_000  # texts are never folded: a fold is hard to read and easy to break by hand
_NOT_PLAIN = frozenset("+-.0123456789~=<>!%@&*|`'\"?,[]{}#:")
_BREAKS = re.compile(r"[\x85\u2028\u2029\ufeff]")
"""What YAML 1.1 takes for the end of a line, and 1.2 does not."""
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What nobody sees and what turns the order of letters around: always written as escapes."""
_CONSTANTS = frozenset(("null", "true", "false", "yes", "no", "on", "off", ""))


def suite_text(suite: SuiteDraft) -> str:
    """Return the file's text; no comment of it can end and become YAML."""
    return "\n".join(_lines(suite)) + "\n"


def _lines(suite: SuiteDraft) -> Iterator[str]:
    yield f"# From {one_line(suite.source)}, by llmupgrade import."
    if suite.models:
        yield f"# Run: pytest --llm-models={one_line(','.join(suite.models))}"
    for remark in suite.remarks:
        yield f"# {one_line(str(remark))}"
    if suite.shared:
        yield from dumped(suite.shared)
    if all(case.disabled for case in suite.cases):
        yield "# Every case is a comment: give them a judge, and take the leading '# ' away."
    yield "cases:"
    anchors = _Anchors(suite)
    for case in suite.cases:
        yield from _case(case, anchors)


def _case(case: CaseDraft, anchors: _Anchors) -> Iterator[str]:
    for remark in case.remarks:
        yield f"  # {one_line(str(remark))}"
    body = [f"id: {scalar(case.id)}"]
    for key, value in case.fields.items():
        body += anchors.lines(key, value, written=not case.disabled)
    for index, line in enumerate(body):
        dash = "- " if index == 0 else "  "
        text = f"  {dash}{line}" if line else ""
        yield f"  # {text[2:]}".rstrip() if case.disabled else text


class _Anchors:
    """Names for long questions that several cases share; the first that is written carries it."""

    def __init__(self, suite: SuiteDraft) -> None:
        counts = Counter(
            self._key(key, value)
            for case in suite.cases
            if not case.disabled
            for key, value in case.fields.items()
        )
        shared = [key for key, count in counts.items() if count > 1 and len(key) >= _SHARED_FROM]
        self._names = {key: f"q{number}" for number, key in enumerate(shared, 1)}
        self._used: set[str] = set()

    def lines(self, key: str, value: Any, *, written: bool) -> list[str]:
        """Return the lines of one field."""
        name = self._names.get(self._key(key, value)) if written else None
        if name is None:
            return dumped({key: value})
        if name in self._used:
            return [f"{key}: *{name}"]
        self._used.add(name)
        first, *rest = dumped({key: value})
        return [re.sub(r"^(\w+):", rf"\1: &{name}", first), *rest]

    @staticmethod
    def _key(key: str, value: Any) -> str:
        return key + json.dumps(value, sort_keys=True, default=repr) if key in ("input", "messages") else key


# --- YAML ------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Writes what `run/load` reads back as the same values (YAML 1.2), texts of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  PyYAML's own hook
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: Any, value: str) -> yaml.Node:
    text = well_formed(value)
    style = None
    core = text.removesuffix("\n")
    if _BREAKS.search(text) or _HIDDEN.search(text) or not core or core != core.strip():
        style = '"'
    elif "\n" in text:
        style = "|"
    elif text[:1] in _NOT_PLAIN or text.lower() in _CONSTANTS:
        style = '"'
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Dumper.add_representer(str, _text)


def dumped(value: Mapping[str, Any]) -> list[str]:
    """Return a mapping as lines of YAML."""
    text: str = yaml.dump(
        _plain(value),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=False,
    )
    return _HIDDEN.sub(_escape, text.removesuffix("\n")).split("\n")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004  YAML's two lengths


def scalar(text: str) -> str:
    """Return a text on one line, as YAML."""
    return dumped({"_": printable(text)})[0].removeprefix("_: ")


def _plain(value: Any) -> Any:
    """Return a value without the classes that know lines."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value

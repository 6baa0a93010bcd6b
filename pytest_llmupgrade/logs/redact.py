"""Secrets and personal data out, placeholders in, before anything is written.

A placeholder is `[EMAIL_1]`: numbered within its case, so that the same value reads the same wherever the case says it, no
value can be guessed from it, and two runs write the same.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_llmupgrade.logs.patterns import PATTERNS, SECRET_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_llmupgrade.logs.exchange import Exchange
    from pytest_llmupgrade.logs.patterns import Pattern

OWN = "OWN"
Span: TypeAlias = tuple[int, int, str]
"""Start and end of what a library found in a text, and its kind."""
_DEPTH = 40
"""Levels of JSON that are gone into; below them nothing is written at all."""


_TELLING = 4
"""Characters from which on a value is replaced wherever it stands: fewer are in too many words."""
_SHORT = 200
"""Characters of a value that is read together with its key."""


class Redactor:
    """Redacts Exchanges and counts what it found by kind."""

    def __init__(
        self,
        own: Callable[[str], str] | None = None,
        find: Callable[[str], Sequence[Span]] | None = None,
    ) -> None:
        """Take the project's own function, from text to text, and a library's, from text to what it found."""
        self._own, self._find = own, find
        self.found: Counter[str] = Counter()
        """Distinct values by kind, summed over the cases."""

    def exchange(self, exchange: Exchange) -> Exchange:
        """Return an Exchange in which nothing that a pattern knows is left."""
        page = _Page(self._own, self._find)
        page.exchange(
            exchange
        )  # finds what there is: a password has its name in one sentence, and none in the next
        page.learn()
        clean = page.exchange(exchange)
        self.found.update(page.counts())
        return clean


class _Page:
    """One case's placeholders."""

    def __init__(
        self, own: Callable[[str], str] | None, find: Callable[[str], Sequence[Span]] | None
    ) -> None:
        self._own, self._find = own, find
        self._names: dict[tuple[str, str], str] = {}
        self._forms: dict[str, str] = {}
        self._known: re.Pattern[str] | None = None
        self._owned = 0

    def exchange(self, exchange: Exchange) -> Exchange:
        """Return an Exchange with placeholders in every part of it."""
        self._owned = 0
        return exchange._replace(
            messages=self.value(list(exchange.messages)),
            answer=None if exchange.answer is None else self.text(exchange.answer),
            tool_calls=self.value(list(exchange.tool_calls)),
            category=self.text(exchange.category),
            difficulty=self.text(exchange.difficulty),
            tools=self.value(list(exchange.tools)),
            response_format=self.value(exchange.response_format),
            params=self.value(dict(exchange.params)),
            call=exchange.call._replace(names=tuple(map(self.text, exchange.call.names))),
        )

    def learn(self) -> None:
        """From now on replace what was found so far wherever it stands, longest first."""
        forms = sorted((form for form in self._forms if len(form) >= _TELLING), key=len, reverse=True)
        if forms:
            self._known = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, forms))})(?!\w)")

    def counts(self) -> Mapping[str, int]:
        counts = Counter(kind for kind, _value in self._names)
        if self._owned:
            counts[OWN] = self._owned
        return counts

    def text(self, text: str) -> str:
        """Return a text without what must not be written; a JSON text stays JSON."""
        value = _structure(text)
        if value is None:
            return self._plain(text)
        clean = self.value(value)
        return text if clean == value else json.dumps(clean, ensure_ascii=False)

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return a JSON value likewise, keys included."""
        if isinstance(value, str):
            return self.text(value) if depth < _DEPTH else self._plain(value)
        if depth >= _DEPTH:
            return None
        if isinstance(value, dict):
            return {self._plain(str(key)): self._member(key, inner, depth) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner, depth + 1) for inner in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            written = json.dumps(value)
            clean = self._plain(written)
            return value if clean == written else clean
        return value

    def _member(self, key: object, value: Any, depth: int) -> Any:
        """Return a member's value; its key tells what a bare number or word is."""
        if isinstance(value, str) and value and SECRET_NAME.search(str(key)):
            return self._name("SECRET", value)
        clean = self.value(value, depth + 1)
        if clean != value or isinstance(value, bool) or not isinstance(value, str | int | float):
            return clean
        written = value if isinstance(value, str) else json.dumps(value)
        head = f"{str(key).replace('_', ' ')}: "
        told = self._plain(head + written) if len(written) <= _SHORT else head + written
        return value if told == head + written or not told.startswith(head) else told.removeprefix(head)

    def _plain(self, text: str) -> str:
        text = self._patterned(text)
        if not text.isascii() and (shown := as_shown(text)) != text:
            clean = self._patterned(shown)
            text = clean if clean != shown else text
        if self._find is not None:
            text = self._found(text, self._find(text))
        if self._own is None:
            return text
        clean = self._own(text)
        self._owned += clean != text
        return clean

    def _patterned(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(lambda found: self._forms[found[0]], text)
        for pattern in PATTERNS:
            text = pattern.expression.sub(lambda found, of=pattern: self._replaced(found, of), text)  # type: ignore[misc]  # mypy cannot type a lambda's default
        return text

    def _found(self, text: str, spans: Sequence[Span]) -> str:
        """Replace what a library found, but for what lies in a placeholder."""
        taken = [found.span() for found in _PLACEHOLDER.finditer(text)]
        pieces, at = [], 0
        for start, end, kind in sorted(spans):
            if start >= at and not any(start < last and first < end for first, last in taken):
                pieces += [text[at:start], self._name(kind, text[start:end])]
                at = end
        return "".join([*pieces, text[at:]])

    def _replaced(self, found: re.Match[str], pattern: Pattern) -> str:
        group = "v" if "v" in pattern.expression.groupindex else 0
        value = found[group]
        length = pattern.length(value)
        if not length:
            return found[0]
        start = found.start(group) - found.start()
        name = self._name(pattern.kind, value[:length])
        return found[0][:start] + name + found[0][start + length :]

    def _name(self, kind: str, value: str) -> str:
        key = (kind, "".join(value.split()))
        if key not in self._names:
            number = 1 + sum(other == kind for other, _value in self._names)
            self._names[key] = f"[{kind}_{number}]"
        self._forms[value] = self._names[key]
        return self._names[key]


def as_shown(text: str) -> str:
    """Return a text as a reader sees it: nothing invisible, wide and other forms of letters and digits as plain ones."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff]")
_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]*_\d+\]")


def _structure(text: str) -> Any:
    """Return the object or list that a text is, None for a text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None

"""What others wrote, made fit to stand in one line of ours: no keys, no control characters, no novels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 300
"""Characters of foreign text in one message."""
_READ = 20_000
_SHORTEST_SECRET = 6
_MASK = "[key]"
_KEYS = re.compile(
    r"""(?ix)
    (?<= key\sprovided:\s ) \S+                           # OpenAI echoes a part of a refused key
    | \b(?: bearer | basic ) \s+ [\w.~+/=*-]{8,}
    | \b(?: sk | pk | rk | gsk | xai | hf | key | sess ) [-_] [\w*-]{4,}
    | (?<= :// ) [^/\s@]+ (?= @ )                          # user and password in an address
    | \b AIza [\w-]{10,}
    | \b eyJ [\w-]{10,} \. [\w.-]+                        # a JSON Web Token
    """
)


def quoted(text: str, *, secrets: Iterable[str] = (), longest: int = LONGEST) -> str:
    """Return foreign text on one line, keys masked, what does not print escaped, cut to `longest` characters."""
    line = " ".join(without_keys(text, secrets=secrets).split())
    shown = line if line.isprintable() else "".join(map(_escaped, line[: longest + 1]))
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def without_keys(text: str, *, secrets: Iterable[str] = ()) -> str:
    """Return the first 20,000 characters with every `secret`, and whatever else looks like a key, masked."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _MASK)
    return _KEYS.sub(_MASK, text[:_READ])


def well_formed(text: str) -> str:
    """Return the text with lone surrogates replaced: they fit into no UTF-8 file and no worker's message."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")

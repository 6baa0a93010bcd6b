"""Foreign text in Markdown: shown as it stands, never markup, a link or a mention.

GitHub looks for people, issues and addresses in the finished text, where no escape is left, so a zero-width space parts
them; code and `<pre>` it passes over.
"""

from __future__ import annotations

import html
import re

from pytest_llmupgrade.wording import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+.!|~$@-])")
_REFERENCE = re.compile(r"(?:\\[@#]|\bGH\\-)(?=\w)|:(?=//)|\bwww(?=\\\.)", re.IGNORECASE)
"""Where a person, an issue or an address begins, in escaped text."""


def plain(text: str) -> str:
    """Return a text that Markdown and HTML show as it stands, on one line."""
    line = " ".join(printable(text).split()).replace("&", "&amp;")
    marked = _SPECIAL.sub(r"\\\1", line).replace("\\<", "&lt;").replace("\\>", "&gt;")
    return _REFERENCE.sub(r"\g<0>&#8203;", marked)


def escaped(text: str) -> str:
    """Return a text for the inside of an HTML block, on one line: only `</pre>` or a blank line would end it."""
    return "&#10;".join(html.escape(line, quote=False) or "&nbsp;" for line in text.splitlines())


def code(text: str) -> str:
    """Return a text in a code span; its fence is longer than any run of backticks inside."""
    runs = [len(run) for run in re.findall(r"`+", text)]
    fence = "`" * (max(runs, default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"

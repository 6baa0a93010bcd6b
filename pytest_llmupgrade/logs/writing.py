"""Cases as YAML: a new file, or more of them at the end of one that is there already.

Adding is done in the text. A round trip through a YAML library (ruamel.yaml was tried) keeps comments, but re-indents
lists and re-quotes texts by its own lights; what is added here leaves every other byte as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.importing.writing import dumped, scalar
from pytest_llmupgrade.logs.exchange import question_key
from pytest_llmupgrade.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_llmupgrade.logs.drafting import Draft

_CASE = re.compile(r"( *)-(?: |$)")


def file_text(drafts: Sequence[Draft], *, judge: str, sources: Sequence[str]) -> str:
    """Return a new eval file."""
    lines = [f"# From {one_line(', '.join(sources))}, by llmupgrade cases.", f"judge: {judge}", "cases:"]
    shared = Shared(drafts)
    for draft in drafts:
        lines += case_lines(draft, "  ", shared)
    return "\n".join(lines) + "\n"


class Shared:
    """System prompts that several cases begin with: the first writes it and names it, the others say its name."""

    def __init__(self, drafts: Sequence[Draft], text: str = "") -> None:
        """Take the drafts to be written and the text that they are added to, whose names are left alone."""
        counts = Counter(name for name in map(_prompt_name, drafts) if name)
        self._names = {name for name, count in counts.items() if count > 1 and name not in text}
        self._written: set[str] = set()

    def lines(self, draft: Draft) -> list[str]:
        """Return the lines of a case's messages."""
        messages = draft.fields["messages"]
        name = _prompt_name(draft)
        if name not in self._names:
            return dumped({"messages": messages})
        rest = dumped({"messages": messages[1:]})[1:] if messages[1:] else []
        if name in self._written:
            return ["messages:", f"  - *{name}", *rest]
        self._written.add(name)
        head, role, *content = dumped({"messages": messages[:1]})
        return [head, f"  - &{name}", role.replace("-", " ", 1), *content, *rest]


def _prompt_name(draft: Draft) -> str:
    """Return a name for the system prompt that a case begins with, '' where it begins with none."""
    first = draft.fields.get("messages", [{}])[0]
    if first.get("role") not in ("system", "developer") or not isinstance(first.get("content"), str):
        return ""
    return f"{first['role']}-{question_key([first]):016x}"[:-10]


def case_lines(draft: Draft, indent: str, shared: Shared) -> Iterator[str]:
    """Yield one case's lines."""
    body = [f"id: {scalar(draft.id)}"]
    for key, value in draft.fields.items():
        body += shared.lines(draft) if key == "messages" else dumped({key: value})
    for index, line in enumerate(body):
        yield f"{indent}{'  ' if index else '- '}{line}" if line else ""


def added(text: str, drafts: Sequence[Draft], *, file: str, root: Any) -> str:
    """Return a file's text with more cases after its last; `root` is the file as `read_yaml` gives it."""
    lines = text.splitlines(keepends=True)
    first = root["cases"].lines[0]
    found = _CASE.match(lines[first - 1])
    if not found or root.lines["cases"] == first:
        raise FaultyFiles([Fault(file, first, "the cases are no list of lines; write each as '- id: ...'")])
    end = _end(lines, root)
    if end and not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    newline = "\r\n" if lines[0].endswith("\r\n") else "\n"
    shared = Shared(drafts, text)
    new = [line + newline for draft in drafts for line in case_lines(draft, found[1], shared)]
    return "".join([*lines[:end], *new, *lines[end:]])


def _end(lines: Sequence[str], root: Any) -> int:
    """Return the number of lines up to the end of the cases: the file's, or where the next key's comments begin."""
    after = [line for key, line in root.lines.items() if line > root.lines["cases"] and key != "cases"]
    end = min(after) - 1 if after else len(lines)
    while end and (not lines[end - 1].strip() or (after and lines[end - 1].startswith("#"))):
        end -= 1
    return end

"""What a careful reader sees in a request to the judging model."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Request


def blocks_of(request: Request) -> dict[str, Any]:
    """Read the fenced blocks as a careful reader would: line by line, by the delimiter that the system names."""
    name = fence_of(request)
    lines = messages_of(request)[1].split("\n")
    opened = [at for at, line in enumerate(lines) if line.startswith(f"<{name} ")]
    for at in opened:
        assert lines[at + 2] == lines[at].replace("<", "</")
    assert sum(name in line for line in lines) == 2 * len(opened)
    return {lines[at].split()[1][:-1]: json.loads(lines[at + 1]) for at in opened}


def encoded_answer(request: Request) -> str:
    """Return the one line that holds the answer."""
    lines = messages_of(request)[1].split("\n")
    return lines[lines.index(f"<{fence_of(request)} answer>") + 1]


def fence_of(request: Request) -> str:
    """Return the delimiter as the system message names it."""
    found = re.search(r"<(data-[0-9a-f]{16}) NAME>", messages_of(request)[0])
    assert found
    return found[1]


def messages_of(request: Request) -> tuple[str, str]:
    """Return what the system and the user say."""
    system, user = body_of(request)["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    return system["content"], user["content"]


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON that is sent."""
    body: dict[str, Any] = json.loads(json.dumps(request.body))
    return body

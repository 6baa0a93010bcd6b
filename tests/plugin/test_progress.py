"""Where the calls stand, while the run goes on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.engine.settings import EngineStats
from pytest_llmupgrade.plugin.progress import said

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

pty = pytest.importorskip("pty", reason="a terminal needs a Unix")


@pytest.mark.parametrize(
    ("stats", "seconds", "words"),
    [
        (EngineStats(expected=10), 1, "LLM 0/10 · 0 in flight"),
        (
            EngineStats(expected=2000, live=120, in_flight=31, spent_usd=Decimal("0.42")),
            10,
            "LLM 120/2000 · 31 in flight · $0.42 · 2:37 left",
        ),
        (EngineStats(expected=10, stored=9, failed=1), 5, "LLM 10/10 · 0 in flight"),
        (EngineStats(expected=1, live=6, in_flight=1), 5, "LLM 6/6 · 1 in flight"),
    ],
)
def test_words(stats: EngineStats, seconds: float, words: str) -> None:
    """Answers, calls in flight, money, and what is left at the rate so far; never more done than there is."""
    assert said(stats, seconds) == words


def on_terminal(project: Project, *flags: str, until: str, hangs: str = "cash") -> str:
    """Run pytest on a terminal, let the server answer once these words are read, and return all that was printed."""
    project.server.hang(contains=hangs)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "--llm-models=old,new", "-p", "no:randomly", *flags]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(  # noqa: S603  pytest itself
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=project.pytester.path, env=environment
    )
    os.close(theirs)
    text = ""
    while chunk := _read(ours):
        text += chunk
        if until in text:
            project.server.release()
    os.close(ours)
    process.wait()
    return text


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65_536).decode("utf-8", "replace")
    except OSError:  # Linux says the other end is closed this way
        return ""


@pytest.mark.parametrize("distribution", [(), ("-n2",)], ids=["plain", "-n2"])
def test_drawn_beside_the_dots(project: Project, distribution: tuple[str, ...]) -> None:
    """On a terminal the status stands at the right, dim, and is gone before pytest writes there."""
    text = on_terminal(project, *distribution, until="LLM 4/6 · 2 in flight")
    assert re.search(r"\x1b7\x1b\[\d+G\x1b\[K\x1b\[2mLLM 4/6 · 2 in flight\x1b\[0m\x1b8", text)
    assert text.rindex("in flight") < text.rindex("\x1b[K") < text.index("LLM upgrade")


def test_drawn_while_nothing_comes(project: Project) -> None:
    """With workers the status is drawn before any item has ended, too: none of them need report for it."""
    text = on_terminal(project, "-n2", until="LLM 0/6 · 2 in flight", hangs="?")
    assert "LLM 0/6 · 2 in flight" in text


def test_lines_without_a_terminal(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be drawn, a short run says nothing."""
    monkeypatch.setenv("TERM", "dumb")
    assert "in flight" not in project.run().stdout.str()


def test_silent_with_q(project: Project) -> None:
    """With -q nothing is drawn on a terminal either."""
    project.server.hang(contains="cash", times=0)
    project.server.release()
    assert "in flight" not in on_terminal(project, "-q", until="%")

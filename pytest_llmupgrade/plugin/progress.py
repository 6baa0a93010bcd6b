"""`LLM 120/2000 · 31 in flight · $0.42 · 1:10 left`, beside pytest's own output while the run waits."""

from __future__ import annotations

import os
import sys
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.wording import money

if TYPE_CHECKING:
    from pytest_llmupgrade.engine.settings import EngineStats

_REDRAW_S = 0.2
_LINE_S = 30.0
"""Between two lines where there is no terminal to draw on."""
_ENOUGH = 5
"""Live answers after which a rate says something."""
_ROOM_FOR_PERCENT = 8
"""What pytest writes at the right edge of a line."""


def said(stats: EngineStats, elapsed_s: float) -> str:
    """Return the status in words; what is left is reckoned from the rate of the answers so far."""
    done = stats.live + stats.stored + stats.failed
    total = max(stats.expected, done)
    words = [f"LLM {done}/{total}", f"{stats.in_flight} in flight"]
    if stats.spent_usd:
        words.append(money(stats.spent_usd))
    if stats.live >= _ENOUGH and total > done:
        minutes, seconds = divmod(round((total - done) * elapsed_s / stats.live), 60)
        words.append(f"{minutes}:{seconds:02d} left")
    return " · ".join(words)


class ProgressHooks:
    """Draws on a terminal, writes a line now and then elsewhere.

    It does so in pytest's own thread, while an item waits; in xdist's controller, which runs no items, in one beside it.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = self._last = time.monotonic()
        self._drawn = ""
        """What stands on the terminal now."""
        self._begun = False
        self._lock = threading.RLock()

    @cached_property
    def _reporter(self) -> Any:
        return self._config.pluginmanager.get_plugin("terminalreporter")

    @cached_property
    def _live(self) -> bool:
        return _can_draw(self._config, self._reporter)

    def waited(self) -> None:
        """Show where the run stands, if it is time; called while an item waits for its answer."""
        if threading.current_thread() is threading.main_thread():
            with self._lock:
                self._show_if_due()

    def _show_if_due(self) -> None:
        now = time.monotonic()
        if (
            self._reporter is None
            or not self._begun
            or now - self._last < (_REDRAW_S if self._live else _LINE_S)
        ):
            return
        self._last = now
        stats = self._config.stash[SESSION].live.stats()
        if stats is not None and stats.expected:
            capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
            with capture.global_and_fixture_disabled():
                self._show(said(stats, now - self._began))

    def _show(self, text: str) -> None:
        writer = self._reporter._tw  # noqa: SLF001  pytest tells the width of the line so far nowhere else
        if not self._live:
            self._reporter.ensure_newline()
            self._reporter.write_line(text)
            return
        column = writer.fullwidth - max(len(text), len(self._drawn)) - _ROOM_FOR_PERCENT
        if column > writer.width_of_current_line + 1:
            _raw(writer, f"\x1b7\x1b[{column}G\x1b[K\x1b[2m{text.rjust(len(self._drawn))}\x1b[0m\x1b8")
            self._drawn = text

    def _clear(self) -> str:
        """Take away what is drawn, and return it."""
        drawn, self._drawn = self._drawn, ""
        if drawn:
            _raw(self._reporter._tw, "\x1b[K")  # noqa: SLF001  as above
        return drawn

    def _draw_again(self, text: str) -> None:
        if text:
            self._show(text)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Any:
        """Let pytest write on a clean line, and go on."""
        with self._lock:
            self._begun = True
            drawn = self._clear()
            result = yield
            self._draw_again(drawn)
            return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Any:
        """Let pytest write on a clean line, then show where the run stands."""
        with self._lock:
            drawn = self._clear()
            result = yield
            self._draw_again(drawn)
            self.waited()
            return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Any:
        """Begin to count with the first item, leave nothing behind after the last."""
        self._began = self._last = time.monotonic()
        over = threading.Event()
        if self._config.getoption("dist", "no") != "no":
            threading.Thread(
                target=self._go_on, args=(over,), name="llmupgrade-progress", daemon=True
            ).start()
        try:
            return (yield)
        finally:
            with self._lock:
                over.set()
                self._clear()

    def _go_on(self, over: threading.Event) -> None:
        while not over.wait(_REDRAW_S):
            with self._lock:
                if not over.is_set():
                    self._show_if_due()


def _raw(writer: Any, text: str) -> None:
    writer._file.write(text)  # noqa: SLF001  the writer's own methods would count it as part of the line
    writer.flush()


def _can_draw(config: pytest.Config, reporter: Any) -> bool:
    """Tell a terminal that understands ANSI sequences, while pytest captures what tests print."""
    return (
        reporter is not None
        and reporter.isatty
        and config.getoption("capture") != "no"
        and os.environ.get("TERM", "dumb") != "dumb"
        and sys.platform != "win32"
    )

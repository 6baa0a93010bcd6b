"""What a run says of its models' ends: lines in the header, again at the end where it is urgent, and a failure."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.plugin.keys import SESSION

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pytest_llmupgrade.deadlines import Notice
    from pytest_llmupgrade.model import ModelSpec

_ONLY_LISTS = ("collectonly", "setupplan", "show_fixtures_per_test", "showfixtures")


class DeadlineHooks:
    """The hooks of a run with models, or with `--llm-retire-within`; never in a worker."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._within = config.stash[SESSION].options.retire_within_days

    @pytest.hookimpl(trylast=True)
    def pytest_report_header(self) -> list[str]:
        """Warn of models that end within 60 days, loudly from 30 on."""
        from pytest_llmupgrade.deadlines import warning_lines

        lines = [f"llmupgrade: {line}" for line in warning_lines(self._notices)]
        if self._within is not None and not self._config.stash[SESSION].options.models:
            lines.append(
                "llmupgrade: --llm-retire-within checks nothing: the run has no models (--llm-models)"
            )
        return lines

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say it again where it is urgent, since nobody scrolls up, and -q prints no header."""
        from pytest_llmupgrade.deadlines import sentence

        failing = self._failing()
        for notice in self._notices:
            if notice in failing:
                line = f"--llm-retire-within={self._within}d fails the run: {sentence(notice)}"
                terminalreporter.write_line(line, red=True)
            elif notice.stage in ("gone", "loud"):
                terminalreporter.write_line(f"!!! {sentence(notice)}", yellow=True)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail a run that would pass, where a model ends too soon."""
        result = yield
        if session.exitstatus == pytest.ExitCode.OK and self._failing():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result

    def _failing(self) -> tuple[Notice, ...]:
        lists = any(self._config.getoption(name, default=False) for name in _ONLY_LISTS)
        if self._within is None or lists:
            return ()
        return tuple(notice for notice in self._notices if notice.within(self._within))

    @cached_property
    def _notices(self) -> tuple[Notice, ...]:
        from pytest_llmupgrade.deadlines import shipped
        from pytest_llmupgrade.deadlines.models import notices
        from pytest_llmupgrade.errors import LlmUpgradeError

        try:
            models = list(self._models())
        except LlmUpgradeError:
            return ()  # faulty settings: what needs them says so, and fails the run
        return notices(models, shipped(), today=dt.datetime.now(dt.UTC).date())

    def _models(self) -> Iterator[tuple[str, ModelSpec]]:
        session = self._config.stash[SESSION]
        for index, name in enumerate(session.options.models):
            yield "candidate" if index else "incumbent", session.specs[name]
        if session.options.models and session.judge_model:
            yield "judge", session.specs[session.judge_model]

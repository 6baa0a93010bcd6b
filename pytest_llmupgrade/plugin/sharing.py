"""In the controller of xdist: its calls and its prices, offered to the workers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.engine.broker import Broker
from pytest_llmupgrade.model import Usage
from pytest_llmupgrade.plugin.remote_prices import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.plugin.prefetch import JudgeCalls
    from pytest_llmupgrade.plugin.session import LlmSession


class Sharing:
    """A broker before a session's engine, for as long as the session lasts."""

    def __init__(self, session: LlmSession) -> None:
        self._session = session
        self._broker = Broker(lambda: session.live.calls.engine, self._judged_after, told)
        if session.live.lacks_answers:
            threading.Thread(target=self._import_client, name="llmupgrade-warm-up").start()

    @property
    def place(self) -> tuple[int, str]:
        """Where workers ask: port and token."""
        return self._broker.port, self._broker.token

    def close(self) -> None:
        """Take no more workers."""
        self._broker.close()

    def _judged_after(self, plain: Mapping[str, Any]) -> JudgeCalls:
        from pytest_llmupgrade.plugin.prefetch import judge_calls

        settings = self._session.judge_settings
        assert settings is not None  # noqa: S101  the worker's settings are the controller's
        return judge_calls(plain, settings)

    def _import_client(self) -> None:
        """Import what calls need while the workers start: it takes as long as they do."""
        from pytest_llmupgrade.providers.openai_chat import OpenAIProvider

        OpenAIProvider().prepare()
        for name in self._session.specs:
            self._session.cost_usd(name, Usage(input_tokens=1, output_tokens=1))

"""The Batch API of one provider, through the `openai` client."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pytest_llmupgrade.batch.lines import PATHS
from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.providers.openai_chat import DUMMY_KEY, base_url_of
from pytest_llmupgrade.providers.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openai import OpenAI
    from openai.types import Batch

    from pytest_llmupgrade.model import Api, ModelSpec

T = TypeVar("T")
LABEL = "llmupgrade"
"""The key under which a batch's metadata has our name for it."""
_ENDED = ("completed", "failed", "expired", "cancelled")
_PAGES = 300
"""Batches looked through for one whose name was never heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchState:
    """Where a batch stands."""

    status: str
    done: int
    files: tuple[str, ...]
    """Those with results, once it has ended."""
    fault: str = ""
    """Why it failed, in the provider's words."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in _ENDED


class BatchApi:
    """Makes, looks up and fetches batches with a model's key and address; each method raises LlmUpgradeError."""

    def __init__(self, spec: ModelSpec) -> None:
        from openai import OpenAI

        self._spec = spec
        key = os.environ.get(spec.api_key_env) or DUMMY_KEY
        self._client: OpenAI = OpenAI(api_key=key, base_url=base_url_of(spec) or None, timeout=spec.timeout_s)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def make(self, data: bytes, api: Api, label: str) -> str:
        """Hand in a file of calls; return the provider's name for the batch."""

        def made() -> str:
            file = self._client.files.create(file=(f"{label}.jsonl", data), purpose="batch")
            batch = self._client.batches.create(
                input_file_id=file.id,
                endpoint=PATHS[api],  # type: ignore[arg-type]  # the client lists them as literals
                completion_window="24h",
                metadata={LABEL: label},
            )
            return batch.id

        return self._tried(made)

    def find(self, label: str) -> str | None:
        """Return the name of the batch with our label, None where there is none among the last."""

        def found() -> str | None:
            for count, batch in enumerate(self._client.batches.list(limit=100)):
                if (batch.metadata or {}).get(LABEL) == label:
                    return batch.id
                if count >= _PAGES:
                    break
            return None

        return self._tried(found)

    def state(self, name: str) -> BatchState:
        """Return where a batch stands."""
        return self._tried(lambda: _state(self._client.batches.retrieve(name)))

    def results(self, state: BatchState) -> Iterator[str]:
        """Yield the lines of an ended batch's results."""
        for name in state.files:
            content = self._tried(lambda name=name: self._client.files.content(name))  # type: ignore[misc]  # a default
            yield from content.iter_lines()

    def _tried(self, call: Callable[[], T]) -> T:
        from pytest_llmupgrade.providers.openai_errors import failure_from

        try:
            return call()
        except Exception as error:  # noqa: BLE001  whatever a transport raises becomes one line here
            raise LlmUpgradeError(f"--llm-batch: {failure_from(error, spec=self._spec).message}") from None


def _state(batch: Batch) -> BatchState:
    counts = batch.request_counts
    faults = [fault.message or "" for fault in (batch.errors.data if batch.errors else None) or ()]
    return BatchState(
        status=batch.status,
        done=(counts.completed + counts.failed) if counts else 0,
        files=tuple(filter(None, (batch.output_file_id, batch.error_file_id))),
        fault=quoted("; ".join(faults), longest=300),
    )

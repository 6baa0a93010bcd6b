"""What must hold before the first call: models that exist, keys that are set, local servers that run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import LlmUpgradeError, UsageError
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_llmupgrade.model import ModelSpec
    from pytest_llmupgrade.providers.local.serve import LocalServer


def check_models(specs: Iterable[ModelSpec]) -> None:
    """Raise one LlmUpgradeError that names every model that cannot be called, and what to do."""
    faults = [fault for fault in map(_fault, specs) if fault]
    if faults:
        raise LlmUpgradeError("\n".join(faults))


def _fault(spec: ModelSpec) -> str | None:
    if spec.name.startswith("local/"):
        return _local_fault(spec)
    from pytest_llmupgrade.providers.openai_chat import missing_key

    return missing_key(spec)


def _local_fault(spec: ModelSpec) -> str | None:
    from pytest_llmupgrade.providers.local.weights import KNOWN

    if spec.wire_name in KNOWN or spec.gguf or spec.base_url:
        return None
    hint = nearest(spec.name, KNOWN) or f"Known: {', '.join(KNOWN)}"
    return (
        f"--llm-models: no local model {spec.name!r}. {hint}; for a file of your own set "
        f'gguf = "PATH" in [tool.llmupgrade.models."{spec.name}"]'
    )


def start_local_server(specs: Sequence[ModelSpec], progress: Callable[[str], None]) -> LocalServer:
    """Start one child process that serves all local models; UsageError where it cannot."""
    from pytest_llmupgrade.providers.local.progress import bar
    from pytest_llmupgrade.providers.local.serve import LocalServer

    try:
        return LocalServer.start(
            specs, progress=progress, fetching=bar(sys.stderr) if sys.stderr.isatty() else None
        )
    except OSError as error:
        raise UsageError(f"local models cannot be served: {error}") from None

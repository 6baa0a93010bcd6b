"""What must hold before the first call: models that exist, keys that are set, local servers that run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import LlmUpgradeError, UsageError
from pytest_llmupgrade.wording import nearest, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_llmupgrade.model import ModelSpec
    from pytest_llmupgrade.providers.local.serve import LocalServer
    from pytest_llmupgrade.settings import Settings


def check_names(settings: Settings, specs: Iterable[ModelSpec]) -> None:
    """Raise UsageError for models that are slips of declared ones: their prompts would go to another provider."""
    by_base = {spec.name.partition("#")[0]: spec for spec in specs if not spec.name.startswith("local/")}
    for name, meant in settings.misspelt(by_base):
        if name.lower() == meant.lower() or not _is_known(by_base[name]):
            raise UsageError(
                f"model {name!r} is not declared in pyproject.toml; did you mean {meant!r}? "
                f'If it is another model, declare it, too: [tool.llmupgrade.models."{name}"]'
            )


def _is_known(spec: ModelSpec) -> bool:
    """Whether a provider is known to have a model of that name, which may well resemble another's."""
    from pytest_llmupgrade.deadlines import find, shipped
    from pytest_llmupgrade.prices import address_of, catalogued

    return find(spec.wire_name, shipped()) is not None or bool(catalogued(spec.wire_name, address_of(spec)))


def check_models(specs: Iterable[ModelSpec]) -> None:
    """Raise one LlmUpgradeError that names every model that cannot be called, and what to do."""
    faults = list(dict.fromkeys(fault for fault in map(_fault, specs) if fault))
    if faults:
        raise LlmUpgradeError("\n".join(faults))


def _fault(spec: ModelSpec) -> str | None:
    if spec.name.startswith("local/"):
        return _local_fault(spec)
    from pytest_llmupgrade.model_tables import ADDRESS, is_address
    from pytest_llmupgrade.providers.openai_chat import base_url_of, missing_key

    url = base_url_of(spec)  # a declared one was read with its table
    if url and not is_address(url):
        return f"OPENAI_BASE_URL must be {ADDRESS}, not {shorten(printable(repr(url)), 60)}"
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

"""The formats of logs, most telling first, and how a record's is recognised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.logs.formats import openai, otel, plain, tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_llmupgrade.logs.exchange import Exchange, Skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One shape of records."""

    name: str
    fits: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], Exchange | Skip]


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(name="openai-stored", fits=openai.is_stored, read=openai.stored),
        Format(name="openai-evals-run", fits=openai.is_evals_output, read=openai.evals_output),
        Format(name="openai-batch", fits=openai.is_batch_input, read=openai.batch),
        Format(name="openai-batch-output", fits=openai.is_batch_output, read=openai.batch),
        Format(name="openai-evals", fits=openai.is_evals_data, read=openai.evals_data),
        Format(name="helicone", fits=tools.is_helicone, read=tools.helicone),
        Format(name="litellm", fits=tools.is_litellm, read=tools.litellm),
        Format(name="langfuse", fits=tools.is_langfuse, read=tools.langfuse),
        Format(name="langsmith", fits=tools.is_langsmith, read=tools.langsmith),
        Format(name="otel", fits=otel.fits, read=otel.read),
        Format(name="plain", fits=plain.fits, read=plain.read),
        Format(name="openai-fine-tuning", fits=openai.is_fine_tuning, read=openai.fine_tuning),
    )
}


def recognised(record: Any) -> Format | None:
    """Return the format of a record, None where it is none of the known."""
    if not isinstance(record, dict):
        return None
    return next((one for one in FORMATS.values() if one.fits(record)), None)


WRAPPERS = frozenset(("data", "resourceSpans", "resourceLogs"))
"""Keys of records that may wrap others."""


def expanded(record: Any) -> Iterator[Any]:
    """Yield the records in one that wraps others: a page of a list, an OTLP export; else the record itself."""
    if isinstance(record, dict):
        if "resourceSpans" in record or "resourceLogs" in record:
            yield from otel.expanded(record)
            return
        pages = record.get("data")
        if isinstance(pages, list) and "messages" not in record:
            yield from pages
            return
    yield record

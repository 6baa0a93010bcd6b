"""promptfoo's providers: which models, and with what parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.importing.files import SCHEME, Files, read_data
from pytest_llmupgrade.importing.templates import NoCounterpart
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPENAI = re.compile(r"openai:(?:chat:|responses:)?([^:\s]+(?::[^\s]*)?)")
_PARAMS = [
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "verbosity",
]
_SHARED = ("tools", "response_format")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A model that is called through the OpenAI API, and how."""

    model: str
    shared: Mapping[str, Any] = field(default_factory=dict)
    """`params`, `tools` and `response_format`, as an eval file has them."""
    remarks: tuple[str, ...] = ()


def provider_of(entry: Any, files: Files) -> Provider:
    """Return a provider; NoCounterpart for what is not called through the OpenAI API."""
    name, config = _parts(entry)
    found = _OPENAI.fullmatch(name)
    if found is None or found[1].partition(":")[0] in ("completion", "embedding", "assistant", "realtime"):
        raise NoCounterpart(
            f"provider {shorten(one_line(name), 60)!r}: declare the model with base_url in [tool.llmupgrade.models]"
        )
    remarks = tuple(_remarks(name, config))
    return Provider(model=found[1], shared=dict(_shared(config, files)), remarks=remarks)


def _parts(entry: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, dict) and isinstance(entry.get("id"), str):
        config = entry.get("config")
        return entry["id"], config if isinstance(config, dict) else {}
    if isinstance(entry, dict) and len(entry) == 1:
        name, inner = next(iter(entry.items()))
        config = inner.get("config") if isinstance(inner, dict) else None
        return name, config if isinstance(config, dict) else {}
    raise NoCounterpart("a provider without an id")


def _shared(config: Mapping[str, Any], files: Files) -> Iterator[tuple[str, Any]]:
    params = {key: config[key] for key in _PARAMS if key in config}
    if params:
        yield "params", params
    for key in _SHARED:
        value = config.get(key)
        if isinstance(value, str) and value.startswith(SCHEME):
            (path, *_more) = files.paths(value)
            value = read_data(path)
        if value:
            yield key, value


def _remarks(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Name the settings that are not taken over; never their values, which may be keys."""
    if name.startswith("openai:responses:"):
        table = f'[tool.llmupgrade.models."{name.rpartition(":")[2]}"]'
        yield f'provider {shorten(one_line(name), 60)!r}: set api = "responses" in {one_line(table)}'
    others = [key for key in config if key not in _PARAMS and key not in _SHARED]
    if others:
        keys = one_line(", ".join(others))
        yield f"provider {shorten(one_line(name), 60)!r}: not taken over: {shorten(keys, 200)}"

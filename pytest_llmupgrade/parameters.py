"""Which request parameters nobody may set: those that would change who is asked, what is asked, or how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REMEDIES: Mapping[str, str] = {
    "model": "--llm-models says who is asked; another name on the wire is wire_name in pyproject.toml",
    "messages": "a case's own input or messages say what is asked",
    "input": "a case's own input or messages say what is asked",
    "stream": "answers are read whole; leave it out",
    "n": "one answer is read; a case's repeat, or --llm-repeat, says how often it is asked",
}
_HARMLESS: Mapping[str, tuple[object, ...]] = {"stream": (None, False), "n": (None, 1)}


def param_faults(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong and what to write instead) for each parameter that must not be set."""
    for key, remedy in _REMEDIES.items():
        if key in params and params[key] not in _HARMLESS.get(key, ()):
            yield key, f"params must not hold {key!r}; {remedy}"

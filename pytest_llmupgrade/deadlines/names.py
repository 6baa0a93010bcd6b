"""The names under which one model goes: routes before it, dates behind it, fine-tunes of it, Azure's spelling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 300
"""Characters of a name; what is longer is no model's."""

_ROUTES = {
    "openai": "openai",
    "azure": "azure",
    "azure_ai": "azure",
    "anthropic": "anthropic",
    "bedrock": "aws-bedrock",
    "converse": "aws-bedrock",
    "gemini": "google-gemini-api",
    "models": "google-gemini-api",
    "vertex_ai": "google-vertex-ai",
    "vertex": "google-vertex-ai",
    "publishers": "google-vertex-ai",
    "mistral": "mistral",
    "cohere": "cohere",
    "cohere_chat": "cohere",
}
"""What LiteLLM, promptfoo and the providers' own paths put before a name, and whose dates hold there."""

_HOSTS = {
    "openai.com": "openai",
    "azure.com": "azure",
    "anthropic.com": "anthropic",
    "amazonaws.com": "aws-bedrock",
    "generativelanguage.googleapis.com": "google-gemini-api",
    "aiplatform.googleapis.com": "google-vertex-ai",
    "mistral.ai": "mistral",
    "cohere.com": "cohere",
    "cohere.ai": "cohere",
}
AZURE_DIFFERS = "the date is OpenAI's, Azure's own may differ: declare it with retires = DATE"
_AZURE = re.compile(r"gpt-35(?=-|$)")
_PREFIX = re.compile(
    r"^(openai|azure|anthropic|mistral|cohere|bedrock|vertex):(?:(?:chat|responses|messages):)?"
)
"""What promptfoo and pydantic-ai put before a name."""
_REGION = re.compile(r"^(us-gov|us|eu|apac|global|jp|au|ca)\.(?=[a-z0-9]+\.)")
_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|00\d)$")
_BEDROCK_VERSION = re.compile(r"-v\d+:\d+$")


class Spelling(NamedTuple):
    """One way to look a name up."""

    name: str
    how: str
    """How it was derived from the name as given, for the reader; '' where it is the name itself."""


def split_route(name: str) -> tuple[str, str | None]:
    """Return a model's own name, lower-case, and the provider that the route before it names.

    `openrouter/openai/GPT-4o#2` is (`gpt-4o`, `openai`); `local/...` has no provider's name: ('', None).
    """
    *route, last = _PREFIX.sub(r"\1/", name.strip().partition("#")[0].lower()).split("/")
    if route[:1] == ["local"] or len(name) > LONGEST:
        return "", None
    if last.startswith("arn:") or (route[:1] and route[0].startswith("arn:")):
        return _REGION.sub("", last), "aws-bedrock"
    known = [_ROUTES[part] for part in route if part in _ROUTES]
    provider = known[-1] if known else None
    if route[:1] == ["bedrock"]:
        provider = "aws-bedrock"
    return _REGION.sub("", last), provider


def provider_at(base_url: str | None) -> str | None:
    """Return whose server an address is; None where it may be anybody's (a gateway, a proxy, one's own)."""
    try:
        host = urlsplit(base_url or "").hostname or ""
    except ValueError:
        return None
    # Vertex writes europe-west1-aiplatform.googleapis.com
    host = re.sub(r"^[a-z0-9-]+-(?=aiplatform\.)", "", host)
    return next((owner for end, owner in _HOSTS.items() if host == end or host.endswith("." + end)), None)


def spellings(own: str) -> Iterator[Spelling]:
    """Yield the names to look up for a model's own name, the surest first."""
    yield Spelling(own, "")
    if _AZURE.match(own):
        own = _AZURE.sub("gpt-3.5", own)
        yield Spelling(own, f"Azure's name for {own}; {AZURE_DIFFERS}")
    if "@" in own:  # Vertex writes claude-sonnet-4@20250514
        own = own.replace("@", "-")
        yield Spelling(own, f"the same as {own}")
    if own.startswith(("ft:", "ft-")):
        yield from _fine_tuned(own)
        return
    if own.endswith(":latest"):
        own = own.removesuffix(":latest")
        yield Spelling(own, "")
    base = _SNAPSHOT.sub("", own)
    if base != own:
        yield Spelling(base, f"a snapshot of {base}, whose date this is")


def _fine_tuned(own: str) -> Iterator[Spelling]:
    """`ft:gpt-4o-mini-2024-07-18:org::id`: the fine-tunes of a base have rows of their own; else the base's holds."""
    base = own[3:].partition(":")[0]
    for found in (base, _SNAPSHOT.sub("", base)):
        yield Spelling(f"ft:{found}", f"a fine-tune of {found}")
        yield Spelling(f"ft-{found}", f"a fine-tune of {found}")
    yield Spelling(base, f"a fine-tune of {base}, whose date this is")


def family(id_: str) -> str | None:
    """Return the name without the version that providers pin, as aliases are made of; None where none is pinned."""
    plain = _BEDROCK_VERSION.sub("", id_.replace("@", "-"))
    base = _SNAPSHOT.sub("", plain)
    return base if base != id_ and "-" in base else None

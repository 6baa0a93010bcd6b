from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.locking import locked
from pytest_llmupgrade.providers.local.cache import cache_dir

HOLDER = """
import sys
from pathlib import Path
from pytest_llmupgrade.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_chosen_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """LLMUPGRADE_CACHE wins, and `~` in it is the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("LLMUPGRADE_CACHE", "~/weights")
    assert cache_dir() == tmp_path / "weights"


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/llmupgrade"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/llmupgrade"),
        ("darwin", {}, "home/Library/Caches/llmupgrade"),
        ("win32", {}, "home/AppData/Local/llmupgrade"),
    ],
)
def test_users_directory(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each platform's own place for caches is used; a relative XDG_CACHE_HOME is ignored, as XDG says."""
    for name in ("LLMUPGRADE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_dir() == tmp_path / expected


def test_xdg_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An absolute XDG_CACHE_HOME is used."""
    monkeypatch.delenv("LLMUPGRADE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "llmupgrade"


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no home directory, the message names the variable that helps."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("LLMUPGRADE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UsageError, match="set LLMUPGRADE_CACHE"):
        cache_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="looks at the lock with flock")
def test_lock_excludes_and_dies_with_its_holder(tmp_path: Path) -> None:
    """A lock keeps other processes out until its holder ends, be it by kill -9."""
    import fcntl

    path = tmp_path / "weights.lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:  # noqa: S603  ours
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"
        with path.open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.kill()
    with locked(path), path.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

